import { and, desc, eq, gte, isNotNull } from 'drizzle-orm'
import { effects } from '../db/schema'
import { conflict } from '../errors'
import type { CloudStart } from '../providers/cloud'
import { type StepContext, type Wait, wait } from '../runs/recipe'
import type { Services } from '../services'
import { pauseMs } from './pause'

export type CloudAction = {
  /** The contract's verb, for the ledger. */
  verb: string
  /** The server's id and what it is to become: what tells this action from every other of the step. */
  key: string
  summary: Record<string, string>
  /** As in 'Hetzner could not switch the server off.' */
  words: string
  /** Resolves to null when everything is as wanted already. */
  start: () => Promise<CloudStart | null>
}

/**
 * Begins an action of the cloud, or follows the one that this step has begun. Null when it has ended well. Throws
 * `conflict` when it failed.
 */
export async function follow(
  { cloud }: Services,
  context: StepContext,
  { verb, key, summary, words, start }: CloudAction,
): Promise<Wait | null> {
  const pause = pauseMs(context.now() - context.startedAt)
  const begun = begunAction(context, verb, key)
  if (!begun) {
    const intent = { provider: 'hetzner' as const, verb, key, summary }
    const started = await context.effect(intent, start, (reply) => reply?.actionId ?? null)
    return started && wait(pause, 'Hetzner has begun.')
  }
  // One that the cloud has forgotten is over.
  const [action] = await cloud.getActions([begun])
  if (action?.status === 'running') return wait(pause, `Hetzner is at it: ${action.progress} %.`)
  if (action?.status !== 'error') return null
  throw conflict(`Hetzner could not ${words} (${action.error?.code ?? action.command}).`)
}

/** The id of the action that this step has begun since it was begun itself. */
function begunAction({ db, run, step, startedAt }: StepContext, verb: string, key: string): string | null {
  const mine = and(eq(effects.runId, run.id), eq(effects.step, step))
  const same = and(eq(effects.verb, verb), eq(effects.key, key), gte(effects.requestedAt, startedAt))
  const latest = db.read
    .select({ externalId: effects.externalId })
    .from(effects)
    .where(and(mine, same, isNotNull(effects.externalId)))
    .orderBy(desc(effects.requestedAt), desc(effects.id))
    .limit(1)
    .get()
  return latest?.externalId ?? null
}
