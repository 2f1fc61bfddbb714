import { missing, wrong } from './errors'
import { integer, isParams, type Params, text } from './form'
import type { Base } from './objects'

export const LIST_PARAMS = ['limit', 'starting_after', 'ending_before', 'expand']

const LIMIT = 10
const LIMIT_MAX = 100

/** One page of a list, newest first, by `limit`, `starting_after` and `ending_before`. */
export function listPage<T extends Base>(rows: T[], params: Params, url: string) {
  const sorted = [...rows].sort((a, b) => b.created - a.created || (a.id < b.id ? 1 : -1))
  const limit = integer(params, 'limit') ?? LIMIT
  if (limit < 1 || limit > LIMIT_MAX) {
    throw wrong(`Limit must be between 1 and ${LIMIT_MAX}.`, 'limit', 'parameter_invalid_integer')
  }
  const before = text(params, 'ending_before')
  if (before !== null) {
    const newer = sorted.slice(0, position(sorted, before, 'ending_before'))
    return { object: 'list', data: newer.slice(-limit), has_more: newer.length > limit, url }
  }
  const after = text(params, 'starting_after')
  const rest = after === null ? sorted : sorted.slice(position(sorted, after, 'starting_after') + 1)
  return { object: 'list', data: rest.slice(0, limit), has_more: rest.length > limit, url }
}

function position(rows: Base[], id: string, param: string): number {
  const index = rows.findIndex((row) => row.id === id)
  if (index < 0) throw missing('object', id, param, 400)
  return index
}

/** A filter for `created`, either a moment or `created[gte]` and its kin; in seconds. */
export function createdWithin(params: Params): (row: Base) => boolean {
  const { created } = params
  if (!isParams(created)) {
    const at = integer(params, 'created')
    return (row) => at === null || row.created === at
  }
  const bound = (name: string, otherwise: number) => integer(created, name) ?? otherwise
  return ({ created: at }) =>
    at >= bound('gte', at) && at <= bound('lte', at) && at > bound('gt', at - 1) && at < bound('lt', at + 1)
}
