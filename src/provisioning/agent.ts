import { and, count, eq, like } from 'drizzle-orm'
import { effects } from '../db/schema'
import { conflict } from '../errors'
import type { AgentReply, AgentVerb, MachineTarget, RunOptions } from '../providers/machines'
import type { StepContext } from '../runs/recipe'
import type { Services } from '../services'
import { readSecrets } from '../tenants/secrets'
import { getTenant, serverOf } from '../tenants/tenant'

export type AgentCall = {
  verb: AgentVerb
  /** What tells two calls of one verb in a step apart. */
  part?: string
  input: Record<string, unknown>
  /** For the ledger: nothing secret. */
  summary: Record<string, string | number>
}

/**
 * Has the server's agent run one verb once. The command id stays the same through crashes and lost replies, so the
 * agent attaches instead of running twice; only after an answered refusal does the next try get a new id.
 */
export function callAgent(
  services: Services,
  context: StepContext,
  { verb, part, input, summary }: AgentCall,
  options?: RunOptions,
): Promise<AgentReply> {
  const { run, db, effect } = context
  knowSecrets(services, run.tenantId)
  const commandId = [run.id, verb, part, refusals(context)].filter((word) => word !== undefined).join('-')
  return effect(
    { provider: 'ssh', verb: part ? `${verb} ${part}` : verb, key: commandId, summary },
    () => services.machines.run(targetOf(db, run.tenantId), { verb, commandId, input }, options),
    () => commandId,
  )
}

/** Machines may say their secrets back, also to an Atlas that has just started: its log must know them by then. */
export function knowSecrets(services: Services, tenantId: string): void {
  const { read } = services.db
  readSecrets(read, services, getTenant(read, tenantId))
}

/** Where a tenant's server is and which host keys it may show. Throws `conflict` before it has an address. */
export function targetOf(db: StepContext['db'], tenantId: string): MachineTarget {
  const { ipv4, hostKey, nextHostKey } = serverOf(db.read, tenantId)
  if (!ipv4 || !hostKey) throw conflict('The server has no address yet.')
  return { address: ipv4, hostKeys: nextHostKey ? [hostKey, nextHostKey] : [hostKey] }
}

/** How often the agent itself said no in this step; a server that could not be reached said nothing. */
function refusals({ run, step, db }: StepContext): number {
  const refused = and(eq(effects.outcome, 'refused'), like(effects.vendorCode, 'agent_%'))
  const mine = and(eq(effects.runId, run.id), eq(effects.step, step), refused)
  return db.read.select({ count: count() }).from(effects).where(mine).get()?.count ?? 0
}
