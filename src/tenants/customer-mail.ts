import type { Email } from '../../views/emails/email'
import type { SiteNewsProps } from '../../views/emails/site-news'
import { ownerEmail } from '../accounts/organization'
import type { Tx } from '../db/open'
import { queueMail } from '../runs/outbox'
import type { Services } from '../services'
import { type TenantRow, urlOf } from './tenant'

/** What a mail to a customer is about: `occasion` is what it is sent once for, such as a run. */
export type CustomerMail = { kind: string; occasion: string; write: (site: SiteNewsProps) => Email }

/** Queues a mail to a tenant's owner; nobody is written to when there is none. */
export function tellCustomer(
  tx: Tx,
  { settings, catalog }: Services,
  tenant: TenantRow,
  { kind, occasion, write }: CustomerMail,
  nowMs: number,
): void {
  const to = ownerEmail(tx, tenant.organizationId)
  if (!to) return
  const { shop } = catalog.blueprint(tenant.blueprint)
  const mail = write({
    shopName: shop.name,
    accent: shop.accent,
    siteUrl: urlOf(tenant, settings.tenantDomain),
    supportEmail: shop.supportEmail ?? settings.adminEmail,
  })
  const outgoing = {
    kind,
    subject: tenant.id,
    idempotencyKey: `${kind}-${occasion}`,
    mail: { from: settings.emailFrom, to, ...mail },
  }
  queueMail(tx, settings.encryptionKey, outgoing, nowMs)
}
