import { durationWords } from '../components/time'
import { composeEmail, type Email } from './email'

/** `accent`: the colour of the dashboard that it opens, `#rgb` or `#rrggbb`. */
type Dashboard = { url: string; accent: string }

export type TenantDownProps = Dashboard & {
  /** Its subdomain, and its address for people. */
  name: string
  address: string
  /** When it first gave no good answer, in UTC milliseconds. */
  since: number
  reason: string
  /** Whether not one tenant has answered since. */
  isEverybody: boolean
}

/** To the operator: a tenant has not answered twice in a row. */
export function tenantDown(mail: TenantDownProps): Email {
  return composeEmail({
    ...frame(`${mail.name} does not answer`, mail.accent),
    blocks: [
      {
        kind: 'paragraph',
        text: `Two health checks in a row found ${mail.address} not well. ${mail.reason}`,
      },
      ...(mail.isEverybody ? [{ kind: 'paragraph' as const, text: OWN_NETWORK }] : []),
      { kind: 'facts', facts: [{ name: 'Since', value: exactly(mail.since) }] },
      { kind: 'link', label: 'Open the tenant', url: mail.url },
      { kind: 'note', text: 'You get one mail more, when it answers again.' },
    ],
  })
}

export type TenantUpProps = Dashboard & { name: string; address: string; downMs: number }

/** To the operator: it answers again. */
export function tenantUp({ name, address, downMs, url, accent }: TenantUpProps): Email {
  return composeEmail({
    ...frame(`${name} answers again`, accent),
    blocks: [
      { kind: 'paragraph', text: `${address} is well again, after ${durationWords(downMs)}.` },
      { kind: 'link', label: 'Open the tenant', url },
    ],
  })
}

export type OutageProps = Dashboard & {
  /** How many tenants gave no good answer within the same few minutes. */
  count: number
  since: number
  /** Some of their names, with the reason of each. */
  examples: { name: string; reason: string }[]
  /** Whether not one tenant has answered since. */
  isEverybody: boolean
}

/** To the operator: many tenants went down together; one mail for all of them. */
export function outage({ count, since, examples, isEverybody, url, accent }: OutageProps): Email {
  const cause = isEverybody
    ? OWN_NETWORK
    : 'Look for what they share: a location, a release, the name servers.'
  return composeEmail({
    ...frame(`${count} tenants do not answer`, accent),
    blocks: [
      { kind: 'paragraph', text: `${count} tenants stopped answering since ${exactly(since)}. ${cause}` },
      { kind: 'facts', facts: examples.map(({ name, reason }) => ({ name, value: reason })) },
      { kind: 'link', label: 'See who is down', url },
      {
        kind: 'note',
        text: 'This is the one mail for all of them. You get another when nearly all of them answer again.',
      },
    ],
  })
}

export type OutageOverProps = Dashboard & { count: number; downMs: number; stillDown: string[] }

/** To the operator: those who went down together answer again, but for a few. */
export function outageOver({ count, downMs, stillDown, url, accent }: OutageOverProps): Email {
  const rest = stillDown.length === 0 ? 'Nobody is left.' : `Still down: ${stillDown.join(', ')}.`
  return composeEmail({
    ...frame('The outage is over', accent),
    blocks: [
      {
        kind: 'paragraph',
        text: `${count} of ${count + stillDown.length} tenants answer again, ${durationWords(downMs)} after the first alarm. ${rest}`,
      },
      { kind: 'link', label: 'See how all are', url },
    ],
  })
}

const OWN_NETWORK =
  'Not one tenant has answered since, so the cause is likely Atlas’s own network or its gateway, and not the tenants.'

const frame = (title: string, accent: string) => ({
  subject: `Atlas: ${title}`,
  title,
  from: 'Atlas',
  accent,
})

const exactly = (atMs: number) => `${new Date(atMs).toISOString().slice(0, 16).replace('T', ' ')} UTC`
