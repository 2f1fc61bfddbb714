import { eq } from 'drizzle-orm'
import { operatorNotice } from '../../views/emails/operator-notice'
import { ATLAS, audit } from '../audit'
import type { Tx } from '../db/open'
import { tenants } from '../db/schema'
import type { AtlasError } from '../errors'
import { queueMail } from '../runs/outbox'
import type { Recipe, RunFacts } from '../runs/recipe'
import type { Services } from '../services'
import { getTenant } from './tenant'

/** How a recipe's failures are told: '… could not be suspended', '… could not be resumed again'. */
export type FailureWords = { forward: string; undo: string }

/**
 * The ends of a run that changes nothing about its tenant unless it succeeds: when it stops, the reason stands on the
 * tenant until the run is at work again, and the operator gets one mail a failure.
 */
export function commonEnds(
  services: Services,
  words: FailureWords,
): Required<Pick<Recipe, 'failed' | 'retried' | 'turned' | 'undone'>> {
  return {
    failed: (tx, run, error, nowMs) => {
      setReason(tx, run.tenantId, error.message, nowMs)
      tellFailure(tx, services, run, error, words, nowMs)
    },
    retried: (tx, run, nowMs) => setReason(tx, run.tenantId, null, nowMs),
    turned: (tx, run, nowMs) => setReason(tx, run.tenantId, null, nowMs),
    undone: (tx, run, nowMs) => {
      const detail = { run: run.id, kind: run.kind }
      audit(tx, nowMs, { actor: ATLAS, action: 'run.taken_back', subject: run.tenantId, detail })
    },
  }
}

/** Records that a run stopped, and mails the operator why. */
export function tellFailure(
  tx: Tx,
  services: Services,
  run: RunFacts,
  error: AtlasError,
  words: FailureWords,
  nowMs: number,
): void {
  const { settings, catalog } = services
  const { id, subdomain } = getTenant(tx, run.tenantId)
  const detail = { run: run.id, kind: run.kind, code: error.code }
  audit(tx, nowMs, { actor: ATLAS, action: 'tenant.failed', subject: id, detail })
  const mail = operatorNotice({
    title: `${subdomain} could not be ${words[run.direction]}`,
    message: error.message,
    actionLabel: 'Open the run',
    actionUrl: `${settings.baseUrl}/admin/runs/${run.id}`,
    accent: catalog.front.shop.accent,
  })
  const outgoing = {
    kind: 'failure-notice',
    subject: id,
    idempotencyKey: `failed-${run.id}-${nowMs}`,
    mail: { from: settings.emailFrom, to: settings.adminEmail, ...mail },
  }
  queueMail(tx, settings.encryptionKey, outgoing, nowMs)
}

function setReason(tx: Tx, tenantId: string, statusReason: string | null, nowMs: number): void {
  tx.update(tenants).set({ statusReason, updatedAt: nowMs }).where(eq(tenants.id, tenantId)).run()
}
