import type { World } from '../world'
import { answerAsApp, holdingPage } from './app'
import { WELL_FOR_MS } from './condition'
import { appStatus, type Machine, settled } from './machine'
import { noteIn, withNote } from './notes'

export type VisitOptions = {
  world: World
  /** The address that a host name has in the simulated DNS. */
  resolve: (hostname: string) => string | undefined
}

/** What a machine's web server does with a visitor. */
export async function visit(
  machine: Machine,
  request: Request,
  { world, resolve }: VisitOptions,
): Promise<Response | 'refused'> {
  const { hostname } = new URL(request.url)
  const now = world.now()
  const { holding } = settled(machine, now)
  const { state } = appStatus(machine, now)
  if (!holding && (state === 'absent' || state === 'stopped')) return 'refused'
  if (!serves(machine, hostname, resolve)) {
    return new Response('This name is not served here.\n', { status: 421 })
  }
  if (holding) return holdingPage(holding)
  if (state === 'failed') return new Response('The app has crashed.\n', { status: 502 })
  if (state !== 'running') return new Response('The app is starting.\n', { status: 502 })
  const note = await noteIn(request)
  if (note === null)
    return answerAsApp(machine, hostname, request, { now, wellForMs: world.lasts(WELL_FOR_MS) })
  const table = world.table<Machine>('machines')
  const current = table.get(machine.id)
  if (current) table.put({ ...current, data: withNote(current.data, note) })
  return new Response(null, { status: 303, headers: { location: '/' } })
}

/** As its Caddyfile says; a machine without one serves the names that point to it. */
function serves(machine: Machine, hostname: string, resolve: VisitOptions['resolve']): boolean {
  if (machine.sites.length > 0) return machine.sites.includes(hostname)
  return resolve(hostname) === machine.ipv4
}
