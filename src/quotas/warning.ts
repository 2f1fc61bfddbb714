import { operatorNotice } from '../../views/emails/operator-notice'
import type { Tx } from '../db/open'
import type { quotas } from '../db/schema'
import { queueMail } from '../runs/outbox'
import type { Services } from '../services'

type Quota = Pick<typeof quotas.$inferSelect, 'name' | 'used' | 'capacity'>

/** From this share on the operator is told; once, until it has fallen below the other. */
export const WARNED_FROM = 0.8
const FORGOTTEN_BELOW = 0.7

export const QUOTA_WORDS: Record<Quota['name'], string> = {
  servers: 'servers at Hetzner',
  addresses: 'primary IPs at Hetzner',
  records: 'records at Route 53',
}

/** Tells the operator of a quota that is nearly used up; returns when they were last told, null when it is not. */
export function warnOfQuota(
  tx: Tx,
  services: Services,
  quota: Quota,
  warnedAt: number | null,
  nowMs: number,
): number | null {
  if (quota.capacity === null) return null
  const share = quota.used / quota.capacity
  if (share < FORGOTTEN_BELOW) return null
  if (share < WARNED_FROM || warnedAt !== null) return warnedAt
  tellOperator(tx, services, quota, nowMs)
  return nowMs
}

function tellOperator(
  tx: Tx,
  { settings, catalog }: Services,
  { name, used, capacity }: Quota,
  nowMs: number,
) {
  const mail = operatorNotice({
    title: `${used} of ${capacity} ${QUOTA_WORDS[name]} are used`,
    message:
      'When all are used, new sites wait in a queue. Ask for a higher limit in time; Hetzner’s is raised in its console and then set as HETZNER_SERVER_LIMIT or HETZNER_ADDRESS_LIMIT.',
    actionLabel: 'Open the overview',
    actionUrl: `${settings.baseUrl}/admin`,
    accent: catalog.front.shop.accent,
  })
  const outgoing = {
    kind: 'quota-notice',
    subject: `quota:${name}`,
    idempotencyKey: `quota-${name}-${nowMs}`,
    mail: { from: settings.emailFrom, to: settings.adminEmail, ...mail },
  }
  queueMail(tx, settings.encryptionKey, outgoing, nowMs)
}
