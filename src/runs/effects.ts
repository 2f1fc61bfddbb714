import { sql } from 'drizzle-orm'
import type { Clock } from '../clock'
import type { Db, Tx } from '../db/open'
import { inserting, prepared, updating } from '../db/prepared'
import { effects } from '../db/schema'
import { asAtlasError } from '../errors'
import { newId } from '../ids'

/** What is about to be asked of the outside world. */
export type Intent = {
  provider: 'stripe' | 'hetzner' | 'route53' | 'resend' | 'ssh' | 's3'
  verb: string
  /** What makes a repetition harmless: a name, a label, an idempotency key, a command id. */
  key: string
  /** For people: what was asked, without anything secret. */
  summary: Record<string, string | number | boolean | null>
}

/** Where an effect belongs: the run and step, or the signup or mail it serves. */
export type EffectPlace = { subject: string; runId?: string; step?: string }

/**
 * Makes one call that changes the outside world: the ledger has its intent before, its outcome after.
 * Rethrows what the call throws.
 */
export async function performEffect<T>(
  db: Db,
  clock: Clock,
  place: EffectPlace,
  intent: Intent,
  call: () => Promise<T>,
  externalId: (result: T) => string | null = () => null,
): Promise<T> {
  const id = intend(db, clock.now(), place, intent)
  try {
    const result = await call()
    settle(db, id, { outcome: 'done', externalId: externalId(result), finishedAt: clock.now() })
    return result
  } catch (thrown) {
    const error = asAtlasError(thrown)
    const outcome = error.outcome ?? (error.code === 'internal' ? 'unknown' : 'refused')
    const { message, vendorCode } = error
    settle(db, id, { outcome, error: message, vendorCode, finishedAt: clock.now() })
    throw error
  }
}

/**
 * Settles what a process that died left `intended`: nobody will hear the answers any more, so their outcomes are
 * unknown. The steps and mails that asked look for themselves when they go on.
 */
export function recoverEffects(tx: Tx, nowMs: number): void {
  settleIntended(tx).run({ nowMs })
}

const settleIntended = prepared((tx: Tx) => {
  const error = 'Atlas was stopped before the answer came.'
  return (
    tx
      .update(effects)
      .set({ outcome: 'unknown', error, finishedAt: sql`${sql.placeholder('nowMs')}` })
      // A literal, because SQLite uses no partial index for a bound value.
      .where(sql`${effects.outcome} = 'intended'`)
      .prepare()
  )
})

const insertEffect = inserting(effects)
const changeEffect = updating(effects, 'id')

function intend(db: Db, nowMs: number, place: EffectPlace, intent: Intent): string {
  const id = newId('eff', nowMs)
  db.write((tx) =>
    insertEffect(tx, {
      id,
      runId: place.runId ?? null,
      step: place.step ?? null,
      subject: place.subject,
      provider: intent.provider,
      verb: intent.verb,
      key: intent.key,
      summary: JSON.stringify(intent.summary),
      outcome: 'intended',
      requestedAt: nowMs,
    }),
  )
  return id
}

function settle(db: Db, id: string, outcome: Partial<typeof effects.$inferInsert>): void {
  db.write((tx) => changeEffect(tx, { id }, outcome))
}
