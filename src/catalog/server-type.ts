import { conflict } from '../errors'
import type { ServerType } from '../providers/cloud'
import type { Blueprint, Plan, PlanServer } from './blueprint'

/**
 * The server type to order in a location: the first preferred one that is orderable there and large enough,
 * otherwise the cheapest x86 type that is. Throws `conflict` when there is none.
 */
export function pickServerType(wanted: PlanServer, location: string, types: ServerType[]): ServerType {
  const fitting = types.filter((type) => type.locations.includes(location) && fits(type, wanted))
  for (const name of wanted.prefer) {
    const preferred = fitting.find((type) => type.name === name)
    if (preferred) return preferred
  }
  const cheapest = fitting.sort(
    (a, b) => monthlyCents(a, location) - monthlyCents(b, location) || (a.name < b.name ? -1 : 1),
  )[0]
  if (cheapest) return cheapest
  throw conflict(`No server type in ${location} has ${inWords(wanted)} now.`)
}

/**
 * The first of the blueprint's locations, its default one ahead, that has a server type for the plan. Throws
 * `conflict` when none has.
 */
export function pickPlacement(
  blueprint: Pick<Blueprint, 'server'>,
  plan: Pick<Plan, 'server'>,
  types: ServerType[],
): { location: string; serverType: ServerType } {
  const locations = [...new Set([blueprint.server.location, ...blueprint.server.locations])]
  for (const location of locations) {
    const possible = types.some((type) => type.locations.includes(location) && fits(type, plan.server))
    if (possible) return { location, serverType: pickServerType(plan.server, location, types) }
  }
  throw conflict(`No server type in ${locations.join(', ')} has ${inWords(plan.server)} now.`)
}

function fits(type: ServerType, wanted: PlanServer): boolean {
  return (
    type.architecture === 'x86' &&
    type.cpuType === wanted.cpu &&
    type.cores >= wanted.vcpu &&
    type.memoryGb >= wanted.memoryGb &&
    type.diskGb >= wanted.diskGb
  )
}

// A type without a price for the location is the last choice, not a free one.
const monthlyCents = (type: ServerType, location: string) =>
  type.monthlyCents[location] ?? Number.MAX_SAFE_INTEGER

const inWords = ({ vcpu, cpu, memoryGb, diskGb }: PlanServer) =>
  `${vcpu} ${cpu} x86 cores, ${memoryGb} GB of memory and ${diskGb} GB of disk`
