import { copied } from './copied'
import { wrong } from './errors'
import type { Params } from './form'

const DEPTH_MAX = 4

/** What may stand where an id stands, and the lists that the API leaves out unless asked. */
export type Lookup = {
  object(id: string): object | undefined
  included(parent: object, name: string): object | undefined
}

/** A copy of `body` with every path of `expand[]` filled in; `data.` walks through a list. */
export function expanded(body: object, params: Params, lookup: Lookup): object {
  const paths = Array.isArray(params.expand) ? params.expand : []
  const copy = copied(body)
  for (const path of paths) {
    if (typeof path !== 'string') throw wrong('Invalid string', 'expand')
    const steps = path.split('.')
    if (steps.length > DEPTH_MAX) {
      throw wrong(`You cannot expand more than ${DEPTH_MAX} levels of a property (${path}).`, 'expand')
    }
    walk(copy as Node, steps, path, lookup)
  }
  return copy
}

type Node = Record<string, unknown>

function walk(node: Node, [step = '', ...rest]: string[], path: string, lookup: Lookup): void {
  const value = reach(node, step, lookup)
  if (value === null) return
  if (value === undefined) {
    throw wrong(
      `This property cannot be expanded (${path}). You may want to try expanding 'data.${path}' instead, or the property may not exist.`,
      'expand',
    )
  }
  if (rest.length === 0) return
  for (const child of Array.isArray(value) ? value : [value]) walk(child as Node, rest, path, lookup)
}

/** The object under `step`, put in the place of its id; null when there is none, undefined when there can't be. */
function reach(node: Node, step: string, lookup: Lookup): object | null | undefined {
  const value = Object.hasOwn(node, step) ? node[step] : undefined
  if (value === null || (typeof value === 'object' && value !== undefined)) return value
  const found = typeof value === 'string' ? lookup.object(value) : lookup.included(node, step)
  if (!found) return undefined
  const copy = copied(found)
  node[step] = copy
  return copy
}
