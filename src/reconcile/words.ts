import { moneyText } from '../../views/components/money'
import type { Facts, Kind } from './difference'
import type { RemedyName } from './remedy'
import type { Source } from './source'

type Words = (facts: Facts) => string

export const SOURCE_WORDS: Record<Source, string> = {
  hetzner: 'Hetzner',
  s3: 'The backup storage',
  route53: 'Route 53',
  stripe: 'Stripe',
}

/** A kind of finding in a few words, for filters and headings. */
export const LABELS: Record<Kind, string> = {
  record_dangling: 'Names to addresses that are not ours',
  server_gone: 'Tenants whose server is gone',
  record_missing: 'Names without a record',
  record_elsewhere: 'Names that lead elsewhere',
  payment_forgotten: 'Payments that Atlas missed',
  paid_without_tenant: 'Paid without a site',
  tenant_without_payer: 'Sites that nobody pays for',
  tenant_held_back: 'Paid but suspended',
  subscription_second: 'Second subscriptions',
  subscription_differs: 'Subscriptions that differ',
  subscription_unknown: 'Unknown subscriptions',
  server_forgotten: 'Servers that Atlas forgot',
  backup_forgotten: 'Backups that Atlas forgot',
  server_second: 'Second servers',
  server_left: 'Servers of deleted tenants',
  server_unknown: 'Unknown servers',
  server_off: 'Servers that are off',
  server_differs: 'Servers that differ',
  server_small: 'Servers too small for their plan',
  backups_differ: 'Backups not as in the plan',
  plan_differs: 'Plans that differ',
  price_differs: 'Prices that differ',
  amount_differs: 'Other sums than the plan’s',
  record_stray: 'Records that nobody needs',
  record_foreign: 'Unknown records',
  address_unassigned: 'Addresses without a server',
  image_left: 'Images that nobody needs',
  volume_left: 'Volumes that nobody needs',
  backup_left: 'Stored backups that nobody needs',
}

const TITLES: Record<Kind, Words> = {
  record_dangling: (f) =>
    `${f.name} leads to ${f.values}, an address that we do not hold: whoever gets it gets the visitors`,
  server_gone: (f) => `${f.tenant} has no server: ${f.server} is gone at Hetzner`,
  record_missing: (f) => `${f.name} leads nowhere: its record is missing`,
  record_elsewhere: (f) => `${f.name} (${f.type}) leads to ${f.values}, not to its tenant’s server`,
  payment_forgotten: (f) => `${f.signup} has been paid, and Atlas did not hear of it`,
  paid_without_tenant: (f) =>
    f.signup ? `${f.signup} is paid for, but its signup has ended` : `${f.customer} pays and has no site`,
  tenant_without_payer: (f) =>
    f.because === 'unpaid'
      ? `${f.tenant} is ${f.status}, and its invoices are not paid`
      : `${f.tenant} is ${f.status}, and nobody pays for it`,
  tenant_held_back: (f) => `${f.tenant} is suspended, though it is paid for`,
  subscription_second: (f) => `${f.tenant ?? f.customer} has a second subscription, ${f.subscription}`,
  subscription_differs: (f) => `Stripe says of ${f.tenant ?? 'a customer'}’s subscription: ${f.what}`,
  subscription_unknown: (f) => `Subscription ${f.subscription} names a signup that Atlas does not know`,
  server_forgotten: (f) => `Server ${f.server} is ${f.tenant}’s, and Atlas has forgotten that it was made`,
  backup_forgotten: (f) =>
    `Backup ${f.backup} of ${f.tenant} is stored, and Atlas has forgotten that it was made`,
  server_second: (f) => `${f.tenant} has a second server, ${f.server}`,
  server_left: (f) => `Server ${f.server} is still there, though ${f.tenant} no longer lives on it`,
  server_unknown: (f) => `Server ${f.server} has this Atlas’s label, and belongs to no tenant`,
  server_off: (f) => `${f.tenant}’s server ${f.server} is switched off`,
  server_differs: (f) => `${f.tenant}’s server ${f.server} has ${f.what}`,
  server_small: (f) => `${f.tenant}’s server is a ${f.serverType}, less than its plan ${f.plan} promises`,
  backups_differ: (f) =>
    f.wanted
      ? `${f.tenant}’s server has no daily backups, which its plan ${f.plan} includes`
      : `${f.tenant}’s server has daily backups, which its plan ${f.plan} does not include`,
  plan_differs: (f) => `${f.tenant} has the plan ${f.has} and pays for ${f.pays}`,
  price_differs: (f) =>
    f.stripeAmount === null
      ? `Stripe has no price ${f.price}, for which ${f.plan} is sold`
      : `${f.plan} costs ${sum(f.amount, f.currency, f.interval)} here and ${sum(f.stripeAmount, f.stripeCurrency, f.stripeInterval)} at Stripe`,
  amount_differs: (f) =>
    `${f.customers === 1 ? '1 customer' : `${f.customers} customers`} of ${f.plan} ${f.customers === 1 ? 'pays' : 'pay'} ${sum(f.paidAmount, f.paidCurrency, f.paidInterval)}, not ${sum(f.amount, f.currency, f.interval)}`,
  record_stray: (f) => `${f.name} leads to ${f.values}, and no tenant has this name`,
  record_foreign: (f) => `${f.name} leads to ${f.values}; Atlas knows neither`,
  address_unassigned: (f) =>
    `Address ${f.address}${f.tenant ? `, once ${f.tenant}’s,` : ''} belongs to no server and is paid for`,
  image_left: (f) => `Image “${f.image}”${f.tenant ? ` of ${f.tenant}` : ''} is kept, though ${f.why}`,
  volume_left: (f) =>
    `Volume ${f.volume}${f.tenant ? ` of ${f.tenant}` : ''} is kept, though nobody needs it`,
  backup_left: (f) => `Backup ${f.backup}${f.tenant ? ` of ${f.tenant}` : ''} is stored, though ${f.why}`,
}

const REMEDY_WORDS: Record<RemedyName, Words> = {
  restore_record: (f) => `Point ${f.name} to ${f.address}, its tenant’s server.`,
  delete_record: (f) => `Remove the record ${f.name} (${f.type}).`,
  adopt_server: (f) => `Write the server’s id and addresses down as ${f.tenant}’s again.`,
  adopt_backup: (f) =>
    `Write it down as ${f.tenant}’s again, unverified, to be kept as long as its plan says.`,
  note_server: () => 'Write down what the server has now.',
  power_on: (f) => `Switch ${f.server} on.`,
  delete_server: (f) => `Delete ${f.server} and everything on it.`,
  backups_on: () => 'Turn Hetzner’s daily backups on. They cost a share of the server’s price.',
  backups_off: () => 'Turn Hetzner’s daily backups off, which deletes those that were made.',
  release_address: (f) => `Give ${f.address} back to Hetzner, once no record leads to it.`,
  delete_image: () => 'Delete the image.',
  delete_volume: () => 'Delete the volume and everything on it.',
  delete_backup: () => 'Delete it from the backup storage.',
  cancel_subscription: () => 'Cancel the subscription at once. What was paid is refunded by hand, at Stripe.',
  sync_money: () => 'Ask Stripe again and follow what it says.',
  sync_checkout: () => 'Ask Stripe again and take the payment in.',
}

const BY_HAND: Partial<Record<Kind, Words>> = {
  server_gone: (f) => `Move ${f.tenant} to a new server: it is made from the latest backup.`,
  tenant_without_payer: (f) => `Delete ${f.tenant} if its customer does not come back.`,
  subscription_differs: () => 'Look at the customer at Stripe: Atlas has no checkout to take the sale from.',
  subscription_unknown: () =>
    'If another Atlas uses this Stripe account, ignore it. Otherwise refund and cancel it at Stripe.',
  server_small: (f) => `Change ${f.tenant}’s plan to ${f.plan} again, or to the one it should have.`,
  plan_differs: (f) => `Change ${f.tenant}’s plan to the one that is meant; its price follows.`,
  price_differs: (f) =>
    `Correct the price in the blueprint, or ${f.variable}. Until then nobody can buy ${f.plan}.`,
  amount_differs: () => 'If they keep a former price, ignore it. Otherwise change their price at Stripe.',
  record_foreign: () =>
    'If you set it, ignore it. Otherwise remove it: whoever has the address has the visitors.',
  address_unassigned: (f) => `It is given back when ${f.tenant} has moved to another server or is deleted.`,
  volume_left: () => 'Detach it from its server first.',
}

/** What was found, in a sentence, and what is to be done about it. */
export function describe(
  kind: Kind,
  facts: Facts,
  remedy: RemedyName | null,
): { title: string; would: string } {
  const would = remedy ? REMEDY_WORDS[remedy] : BY_HAND[kind]
  return { title: TITLES[kind](facts), would: would?.(facts) ?? 'Look at it yourself.' }
}

function sum(
  amount: Facts[string] = null,
  currency: Facts[string] = null,
  interval: Facts[string] = null,
): string {
  if (typeof amount !== 'number' || typeof currency !== 'string') return 'nothing'
  return `${moneyText({ amount, currency })} a ${interval}`
}
