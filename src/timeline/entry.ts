import type { Reader } from '../db/open'
import { invalid } from '../errors'

/** What a tenant's story is made of: what came in, what was decided and done, seen, sent and found. */
export const KINDS = ['event', 'decision', 'effect', 'probe', 'action', 'mail', 'finding'] as const

export type Kind = (typeof KINDS)[number]
export type Severity = 'info' | 'good' | 'warning' | 'bad'

/** One thing that happened; `at` in UTC milliseconds. */
export type Entry = {
  id: string
  at: number
  kind: Kind
  title: string
  detail: string | null
  /** A page of Atlas that says more. */
  link: string | null
  severity: Severity
  /** Who did it, for a person's action: an email address, a token's name. */
  actor: string | null
  ip: string | null
}

/** A place in a story, which is told newest first; what is newer than it may grow without moving it. */
export type Position = Pick<Entry, 'at' | 'id'>

/** Reads one sort of entries about a subject, newest first, from a position on back. */
export type Source = (db: Reader, subject: string, from: Position, limit: number) => Entry[]

export const NEWEST: Position = { at: Number.MAX_SAFE_INTEGER, id: '' }

/** Whether an entry stands before another one as the story is told. */
export function isNewer(a: Position, b: Position): boolean {
  return a.at === b.at ? a.id > b.id : a.at > b.at
}

/** A position as a page's address or an API's client carries it. */
export const cursorOf = ({ at, id }: Position) => `${at}.${id}`

/** Throws `invalid` for what is no position. */
export function parseCursor(text: string): Position {
  const [, at, id] = /^(\d{1,15})\.([\w:.-]{1,200})$/.exec(text) ?? []
  if (!at || !id) throw invalid('Some fields need another look.', { before: 'Is no place in this timeline.' })
  return { at: Number(at), id }
}

/** An entry of which only what is not as usual need be said. */
export function entry(kind: Kind, facts: Partial<Entry> & Pick<Entry, 'id' | 'at' | 'title'>): Entry {
  return { kind, detail: null, link: null, severity: 'info', actor: null, ip: null, ...facts }
}

/** 'change-plan', 'plan_change_asked' or 'upsertRecord' as a person writes it: 'Change plan'. */
export function inWords(name: string): string {
  const words = name
    .replace(/[_.-]+/g, ' ')
    .replace(/([a-z])([A-Z])/g, (_, end: string, start: string) => `${end} ${start.toLowerCase()}`)
    .trim()
  return words.charAt(0).toUpperCase() + words.slice(1)
}

/** The facts of a stored JSON object in one line: 'name ada-1, server type cx33'. */
export function factsInWords(json: string): string | null {
  const facts = Object.entries(JSON.parse(json) as Record<string, unknown>)
  const said = facts.filter(([, value]) => value !== null && value !== '')
  return (
    said.map(([name, value]) => `${inWords(name).toLowerCase()} ${inFigures(name, value)}`).join(', ') || null
  )
}

/** Facts that end in `At` are moments. */
function inFigures(name: string, value: unknown): string {
  const isMoment = name.endsWith('At') && typeof value === 'number'
  return isMoment ? new Date(value).toISOString().replace('.000Z', 'Z') : String(value)
}
