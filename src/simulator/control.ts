import { callsPage } from './control/calls'
import { isStray, leaveBehind } from './control/drift'
import { type Fields, faultsPage, readFault } from './control/faults'
import icon from './control/icon.svg' with { type: 'text' }
import { readPublication } from './control/images'
import liveScript from './control/live.js' with { type: 'text' }
import { isMachineMove, type MachineMove, moveMachine } from './control/machines'
import { isMoneyMove, type MoneyMove, moveMoney } from './control/money'
import { overviewPage } from './control/overview'
import { type ControlOptions, readState, setDisorder } from './control/state'
import styles from './control/styles.css' with { type: 'text' }
import { refuseStrangers } from './loopback'

export type { MachineControl, MachineView } from './control/machines'
export type { Address, ControlOptions, ControlState } from './control/state'

const ADVANCE_MAX_MS = 366 * 24 * 60 * 60 * 1000
const BODY_MAX = 10_000

/**
 * The control page at `/` and its API under `/control`. Every write works as a form, answered with a redirect,
 * and as JSON (`accept: application/json`). Resolves to null for what is not its own.
 */
export function controlPages(options: ControlOptions): (request: Request) => Promise<Response | null> {
  return async (request) => {
    const { pathname } = new URL(request.url)
    if (pathname !== '/' && pathname !== '/control' && !pathname.startsWith('/control/')) return null
    const refusal = refuseStrangers(request)
    if (refusal) return refusal
    if (request.method === 'GET' || request.method === 'HEAD') return read(options, request, pathname)
    return write(options, request, pathname)
  }
}

function read(options: ControlOptions, request: Request, pathname: string): Response | null {
  const { front } = options
  switch (pathname) {
    case '/':
    case '/control':
      return wantsJson(request) ? Response.json(readState(options)) : overviewPage(readState(options))
    case '/control/state.json':
      return Response.json(readState(options))
    case '/control/calls':
      return wantsJson(request)
        ? Response.json(readState(options).calls)
        : callsPage(readState(options).calls)
    case '/control/faults':
      return wantsJson(request) ? Response.json(front.faults.list()) : faultsPage(front.faults.list())
    case '/control/styles.css':
      return asset(styles, 'text/css')
    case '/control/live.js':
      return asset(liveScript, 'text/javascript')
    case '/control/icon.svg':
      return asset(icon, 'image/svg+xml')
  }
  return null
}

async function write(options: ControlOptions, request: Request, pathname: string): Promise<Response | null> {
  const [, , noun, id, verb] = pathname.split('/')
  const action = `${request.method} ${noun}${verb ? `/${verb}` : ''}`
  if (noun === 'subscriptions' && request.method === 'POST' && isMoneyMove(verb)) {
    return letSubscription(options, request, id ?? '', verb)
  }
  if (noun === 'machines' && request.method === 'POST' && isMachineMove(verb)) {
    return letMachine(options, request, id ?? '', verb)
  }
  switch (action) {
    case 'POST faults':
      return addFault(options, request)
    case 'DELETE faults':
    case 'POST faults/removal':
      return removeFault(options, request, id ?? '')
    case 'POST clock':
      return moveClock(options, request)
    case 'POST drift':
      return bringDrift(options, request)
    case 'POST servers/loss':
      return loseServer(options, request, id ?? '')
    case 'POST images':
      return publishImage(options, request)
    case 'POST webhooks':
      return shuffleWebhooks(options, request)
  }
  return null
}

async function addFault({ front }: ControlOptions, request: Request): Promise<Response> {
  const fields = await readFields(request)
  const read = readFault(fields)
  if ('fault' in read) return done(request, '/control/faults', front.faults.add(read.fault), 201)
  if (!wantsJson(request)) return faultsPage(front.faults.list(), fields, read.problems)
  return refused(422, 'invalid', 'The fault is not complete.', read.problems)
}

function removeFault({ front }: ControlOptions, request: Request, id: string): Response {
  const removed = front.faults.remove(id)
  if (!removed && wantsJson(request)) return refused(404, 'not_found', 'There is no such fault.')
  return done(request, '/control/faults', { removed })
}

function letMachine({ machines }: ControlOptions, request: Request, id: string, move: MachineMove): Response {
  const moved = moveMachine(machines, id, move)
  if (!moved) return refused(404, 'not_found', 'There is no such machine.')
  return done(request, '/#servers', moved)
}

function letSubscription(options: ControlOptions, request: Request, id: string, move: MoneyMove): Response {
  const moved = moveMoney(options, id, move)
  if (!moved) return refused(404, 'not_found', 'There is no such subscription, or it has ended.')
  return done(request, '/#money', { id, status: moved.status })
}

async function moveClock({ world }: ControlOptions, request: Request): Promise<Response> {
  const ms = Number((await readFields(request)).advance_ms)
  if (!Number.isInteger(ms) || ms < 1 || ms > ADVANCE_MAX_MS) {
    const fields = { advance_ms: `A whole number from 1 to ${ADVANCE_MAX_MS}.` }
    return refused(422, 'invalid', 'The clock moves forward only, and at most a year at once.', fields)
  }
  world.advance(ms)
  return done(request, '/#clock', { now: new Date(world.now()).toISOString() })
}

async function shuffleWebhooks({ world }: ControlOptions, request: Request): Promise<Response> {
  const { disorder } = await readFields(request)
  if (disorder !== 'on' && disorder !== 'off') {
    return refused(422, 'invalid', 'Disorder is on or off.', { disorder: 'on or off' })
  }
  setDisorder(world, disorder === 'on')
  return done(request, '/#webhooks', { disorder })
}

async function bringDrift(options: ControlOptions, request: Request): Promise<Response> {
  const { stray } = await readFields(request)
  if (!isStray(stray))
    return refused(422, 'invalid', 'There is no such stray.', { stray: 'server or record' })
  const left = leaveBehind(options, stray)
  if (!left) return refused(409, 'conflict', 'There is no server of Atlas’s yet to take the labels from.')
  return done(request, '/#drift', left)
}

async function publishImage({ registry }: ControlOptions, request: Request): Promise<Response> {
  const publication = readPublication(await readFields(request))
  if (publication) return done(request, '/#images', registry.publish(publication), 201)
  return refused(422, 'invalid', 'The image is malformed.', { image: 'A name such as owner/app:v43.' })
}

function loseServer({ hetzner }: ControlOptions, request: Request, id: string): Response {
  if (!hetzner.lose(id)) return refused(404, 'not_found', 'There is no such server.')
  return done(request, '/#servers', { id })
}

function wantsJson(request: Request): boolean {
  return request.headers.get('accept')?.includes('application/json') ?? false
}

async function readFields(request: Request): Promise<Fields> {
  const body = (await request.text()).slice(0, BODY_MAX)
  if (!request.headers.get('content-type')?.includes('json'))
    return Object.fromEntries(new URLSearchParams(body))
  try {
    const value: unknown = JSON.parse(body)
    return typeof value === 'object' && value !== null ? (value as Fields) : {}
  } catch {
    return {}
  }
}

function done(request: Request, location: string, result: unknown, status = 200): Response {
  if (wantsJson(request)) return Response.json(result, { status })
  return new Response(null, { status: 303, headers: { location } })
}

function refused(status: number, code: string, message: string, fields?: Record<string, string>): Response {
  return Response.json({ error: { code, message, fields } }, { status })
}

function asset(text: string, type: string): Response {
  return new Response(text, {
    headers: { 'content-type': `${type}; charset=utf-8`, 'x-content-type-options': 'nosniff' },
  })
}
