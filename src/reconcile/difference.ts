import type { Money } from '../billing/money'
import type { RemedyName } from './remedy'

/** What may differ between the clouds and our rows, the most urgent first. */
export const KINDS = [
  'record_dangling',
  'server_gone',
  'record_missing',
  'record_elsewhere',
  'payment_forgotten',
  'paid_without_tenant',
  'tenant_without_payer',
  'tenant_held_back',
  'subscription_second',
  'subscription_differs',
  'subscription_unknown',
  'server_forgotten',
  'backup_forgotten',
  'server_second',
  'server_left',
  'server_unknown',
  'server_off',
  'server_differs',
  'server_small',
  'backups_differ',
  'plan_differs',
  'price_differs',
  'amount_differs',
  'record_stray',
  'record_foreign',
  'address_unassigned',
  'image_left',
  'volume_left',
  'backup_left',
] as const

export type Kind = (typeof KINDS)[number]

/** Kinds that cost money as long as they stand; the others are merely wrong. */
export const COSTING: readonly Kind[] = [
  'server_gone',
  'paid_without_tenant',
  'tenant_without_payer',
  'subscription_second',
  'server_second',
  'server_left',
  'server_unknown',
  'server_off',
  'amount_differs',
  'address_unassigned',
  'image_left',
  'volume_left',
  'backup_left',
]

/** What a difference is about, as plain values: its words and its remedy are made of them. */
export type Facts = Record<string, string | number | boolean | null>

/** One thing on which a cloud and our rows do not agree. */
export type Difference = {
  kind: Kind
  /** Says which difference it is: the same one, seen again, has the same key. */
  key: string
  tenantId: string | null
  /** The other system's id of what it is about. */
  externalId: string | null
  facts: Facts
  /** What Atlas can do about it; null when it is for a person. */
  remedy: RemedyName | null
  /** What it costs a month; null when nobody has told the price. */
  monthly: Money | null
}

/** What a comparison says of one thing after the other: how it differs, or null. */
export type Findings = Generator<Difference | null>

/** A difference with its key: a remedy that changes makes it another one, which has to be confirmed anew. */
export function difference(found: Omit<Difference, 'key'>, about: string): Difference {
  return { ...found, key: [found.kind, about, found.remedy ?? 'by_hand'].join(':') }
}
