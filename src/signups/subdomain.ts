import { and, eq, gt, inArray, isNotNull, ne } from 'drizzle-orm'
import type { Reader } from '../db/open'
import { signups, tenants } from '../db/schema'
import type { Services } from '../services'
import { RESERVED_NAMES } from './reserved-names'

/** Whether a name can be had, and if not, why, in words for the person who typed it. */
export type SubdomainVerdict =
  | { ok: true }
  | { ok: false; reason: 'malformed' | 'reserved' | 'look_alike' | 'taken' | 'deleted_lately'; words: string }

const SUBDOMAIN_CHARS_MIN = 3
export const SUBDOMAIN_CHARS_MAX = 32

/** How long the name of a deleted tenant stays free of others, so that nobody inherits its visitors. */
export const NAME_REST_MS = 90 * 86_400_000

const HELD_BY_SIGNUP = ['pending', 'paid', 'provisioning', 'failed'] as const

const no = (reason: Exclude<SubdomainVerdict, { ok: true }>['reason'], words: string): SubdomainVerdict => ({
  ok: false,
  reason,
  words,
})

/** What was typed, as the name it means: without spaces around it and in lower case. */
export function normalizeSubdomain(typed: string): string {
  return typed.trim().toLowerCase()
}

/** The names that this shop keeps: its blueprint's, and Atlas's own if it lives under the tenants' domain. */
export function namesKept({ catalog, settings }: Pick<Services, 'catalog' | 'settings'>): string[] {
  const ending = `.${settings.tenantDomain.replace(/:\d+$/, '')}`
  const { hostname } = new URL(settings.baseUrl)
  const own = hostname.endsWith(ending) ? [hostname.slice(0, -ending.length)] : []
  return [...catalog.front.reservedSubdomains, ...own.flatMap((name) => name.split('.').at(-1) ?? [])]
}

/** Judges a name by its form and meaning alone. `reserved` are a blueprint's further names. */
export function judgeForm(name: string, reserved: readonly string[] = []): SubdomainVerdict {
  if (name === '') return no('malformed', 'Choose a name for your address.')
  if (!/^[a-z0-9-]{1,64}$/.test(name))
    return no('malformed', 'Use only the letters a to z, digits and hyphens.')
  if (name.length < SUBDOMAIN_CHARS_MIN)
    return no('malformed', `Use at least ${SUBDOMAIN_CHARS_MIN} characters.`)
  if (name.length > SUBDOMAIN_CHARS_MAX)
    return no('malformed', `Use at most ${SUBDOMAIN_CHARS_MAX} characters.`)
  if (/^-|-$/.test(name)) return no('malformed', 'Begin and end with a letter or a digit.')
  // Labels with hyphens in third and fourth place are reserved for encoded names such as xn-- (RFC 5891, 4.2.3.1).
  if (name.includes('--')) return no('malformed', 'Use no two hyphens in a row.')
  if (/^[\d-]+$/.test(name)) return no('malformed', 'Use at least one letter.')
  if (RESERVED_NAMES.has(name) || reserved.includes(name)) {
    return no('reserved', 'This name is reserved. Choose another one.')
  }
  if (isLookAlike(name, [...LOOK_ALIKE_WORDS, ...reserved])) {
    return no('look_alike', 'This name looks like a reserved one. Choose another one.')
  }
  return { ok: true }
}

/** Judges a name by its form and by who holds it now or held it lately. */
export function judgeSubdomain(
  db: Reader,
  name: string,
  nowMs: number,
  reserved: readonly string[] = [],
): SubdomainVerdict {
  const form = judgeForm(name, reserved)
  if (!form.ok) return form
  const holder = holderOf(db, name)
  if (holder === name) return no('taken', 'This name is taken. Choose another one.')
  if (restedUntil(db, name, nowMs)) {
    return no(
      'deleted_lately',
      'This name was in use until lately and is not given away yet. Choose another one.',
    )
  }
  if (holder) return no('look_alike', 'This name looks like one that is in use. Choose another one.')
  return { ok: true }
}

/** The name in its coarsest reading: look-alikes have the same one, though not all that have it are look-alikes. */
export function skeletonOf(name: string): string {
  return shapesOf(name).replace(/[i1]/g, 'l')
}

/** Whether a hasty eye could take the name for one of the others: a 1 stands for an i as well as for an l. */
function isLookAlike(name: string, others: readonly string[]): boolean {
  const shapes = [...shapesOf(name)]
  const alike = (one: string, other = '') =>
    one === other || ('il1'.includes(one) && 'il1'.includes(other) && (one === '1' || other === '1'))
  return others.some((other) => {
    const others = [...shapesOf(other)]
    return others.length === shapes.length && shapes.every((shape, at) => alike(shape, others[at]))
  })
}

function shapesOf(name: string): string {
  return name
    .replaceAll('-', '')
    .replaceAll('rn', 'm')
    .replaceAll('vv', 'w')
    .replace(/c[l1]/g, 'd')
    .replaceAll('0', 'o')
    .replaceAll('3', 'e')
    .replaceAll('5', 's')
}

// Short words are left out: too many honest names look like `ci` or `db`.
const LOOK_ALIKE_WORDS = [...RESERVED_NAMES].filter((word) => word.length >= 4)

/** The name in use that this one equals (preferred) or looks like. */
function holderOf(db: Reader, name: string): string | undefined {
  const skeleton = skeletonOf(name)
  const live = db
    .select({ subdomain: tenants.subdomain })
    .from(tenants)
    .where(and(eq(tenants.skeleton, skeleton), ne(tenants.status, 'deleted')))
    .all()
  const held = db
    .select({ subdomain: signups.subdomain })
    .from(signups)
    .where(and(eq(signups.skeleton, skeleton), inArray(signups.status, [...HELD_BY_SIGNUP])))
    .all()
  const names = [...live, ...held].map((row) => row.subdomain)
  return names.find((other) => other === name) ?? names.find((other) => isLookAlike(name, [other]))
}

/** Only a tenant that was once live leaves its name to rest: nobody has visited one that never was. */
function restedUntil(db: Reader, name: string, nowMs: number): boolean {
  const gone = db
    .select({ subdomain: tenants.subdomain })
    .from(tenants)
    .where(
      and(
        eq(tenants.skeleton, skeletonOf(name)),
        eq(tenants.status, 'deleted'),
        isNotNull(tenants.activatedAt),
        gt(tenants.deletedAt, nowMs - NAME_REST_MS),
      ),
    )
    .all()
  return isLookAlike(
    name,
    gone.map(({ subdomain }) => subdomain),
  )
}
