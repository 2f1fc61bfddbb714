import type { Tx } from '../../db/open'
import { conflict } from '../../errors'
import { type Intent, performEffect } from '../../runs/effects'
import type { Services } from '../../services'
import type { Facts } from '../difference'
import type { FindingRow } from '../findings'

/** A finding on its way to being dealt with. */
export type Case = { services: Services; finding: FindingRow; facts: Facts }

/** What becomes true in our rows with the remedy, in the transaction that resolves the finding. */
export type Consequence = (tx: Tx, nowMs: number) => void

/**
 * Looks at the thing itself once more and puts it right. Throws `conflict` when it is not as it was found. What is gone
 * already is dealt with.
 */
export type Remedy = (one: Case) => Promise<Consequence>

export const nothingMore: Consequence = () => {}

/** One call that changes the outside, with its intent and outcome in the ledger under what the finding is about. */
export function perform<T>({ services, finding }: Case, intent: Intent, call: () => Promise<T>): Promise<T> {
  const subject = finding.tenantId ?? finding.id
  return performEffect(services.db, services.clock, { subject }, intent, call, () => finding.externalId)
}

/** The other system's id that a finding is about. */
export function idOf({ finding }: Case): string {
  if (finding.externalId === null) throw changed()
  return finding.externalId
}

/** Throws `conflict` when something does not carry this installation's label. */
export function requireOurs({ services }: Case, labels: Record<string, string>): void {
  if (labels.atlas === services.settings.installationId) return
  throw conflict('This does not carry this Atlas’s label, so Atlas leaves it alone.')
}

export const changed = () => conflict('This is no longer as it was found. Look again.')
