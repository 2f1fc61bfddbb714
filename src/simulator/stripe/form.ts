import { wrong } from './errors'

/** Parameters as Stripe reads them out of a form: `line_items[0][price]=x` is nested. */
export type Params = { [name: string]: Param }
export type Param = string | Params | Param[]

const NAME = /^[^[\]]+(\[[^[\]]*\])*$/

/** Parses a form-encoded body or query. Throws a refusal for a name that cannot be read. */
export function parseForm(encoded: string): Params {
  const root = record()
  for (const [name, value] of new URLSearchParams(encoded)) {
    if (!NAME.test(name)) throw wrong(`Invalid parameter name: ${name}`, name)
    place(root, name.replaceAll(']', '').split('['), value)
  }
  return withArrays(root) as Params
}

// Without a prototype a parameter called `__proto__` is a name like any other.
const record = (): Params => Object.create(null) as Params

function place(into: Params, [head = '', ...rest]: string[], value: string): void {
  const key = head === '' ? String(Object.keys(into).length) : head
  if (rest.length === 0) {
    into[key] = value
    return
  }
  const known = into[key]
  const child = isParams(known) ? known : record()
  into[key] = child
  place(child, rest, value)
}

/** `expand[]` and `line_items[0]` were collected under numbers: they are lists. */
function withArrays(value: Param): Param {
  if (!isParams(value)) return value
  const names = Object.keys(value)
  for (const name of names) value[name] = withArrays(value[name]!)
  return names.length > 0 && names.every((name) => /^\d+$/.test(name)) ? Object.values(value) : value
}

/** Whether a parameter has parameters of its own. */
export function isParams(value: Param | undefined): value is Params {
  return typeof value === 'object' && !Array.isArray(value)
}

/** A string; an empty one counts as absent, as Stripe unsets with it. */
export function text(params: Params, name: string): string | null {
  const value = params[name]
  if (value === undefined || value === '') return null
  if (typeof value !== 'string') throw wrong('Invalid string', name, 'parameter_invalid_string')
  return value
}

/** A string that must be there. Throws a refusal when it is not. */
export function required(params: Params, name: string): string {
  const value = text(params, name)
  if (value === null) throw wrong(`Missing required param: ${name}.`, name, 'parameter_missing')
  return value
}

/** A whole number; null when absent. Throws a refusal of anything else. */
export function integer(params: Params, name: string): number | null {
  const value = text(params, name)
  if (value === null) return null
  if (!/^-?\d{1,15}$/.test(value)) throw wrong('Invalid integer', name, 'parameter_invalid_integer')
  return Number(value)
}

/** `true` or `false`; null when absent. Throws a refusal of anything else. */
export function flag(params: Params, name: string): boolean | null {
  const value = text(params, name)
  if (value === null) return null
  if (value !== 'true' && value !== 'false') throw wrong('Invalid boolean', name)
  return value === 'true'
}

/** The parameters under a name; none when absent. Throws a refusal of a plain value. */
export function nested(params: Params, name: string): Params {
  const value = params[name]
  if (value === undefined || value === '') return record()
  if (!isParams(value)) throw wrong('Invalid object', name)
  return value
}

/** The values under a name; none when absent. Throws a refusal of anything else than a list. */
export function list(params: Params, name: string): Param[] {
  const value = params[name]
  if (value === undefined || value === '') return []
  if (!Array.isArray(value)) throw wrong('Invalid array', name)
  return value
}

/** Metadata: names and values are strings. */
export function metadata(params: Params, name = 'metadata'): Record<string, string> {
  const given = nested(params, name)
  return Object.fromEntries(Object.keys(given).map((key) => [key, text(given, key) ?? '']))
}

/** Refuses every parameter that is not accepted, as Stripe does with its own. */
export function acceptOnly(params: Params, accepted: readonly string[]): void {
  const unknown = Object.keys(params).find((name) => !accepted.includes(name))
  if (unknown) throw wrong(`Received unknown parameter: ${unknown}`, unknown, 'parameter_unknown')
}
