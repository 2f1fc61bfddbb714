import type { Pull, Pulled } from '../registry'
import type { Behaviour, Schema } from '../registry/images'
import type { Login, WrittenFile } from './cloud-init'
import { crashes } from './condition'
import type { HostKey } from './host-key'

/** A simulated server: everything that survives a power cut, and the times of its present boot. */
export type Machine = {
  /** The cloud's id of the server. */
  id: string
  name: string
  ipv4: string
  power: 'on' | 'off'
  paused: boolean
  /** When sshd listens and when the boot is complete, of this boot. */
  sshUpAt: number
  readyAt: number
  hostKey: HostKey
  nextHostKey: HostKey | null
  logins: Login[]
  files: WrittenFile[]
  sites: string[]
  marked: boolean
  console: LogLine[]
  settings: Settings | null
  app: App | null
  /** What the command that is under way will change, in its order; nothing of it when the power goes first. */
  coming?: Coming[]
  /** Digests of the images that are on the disk. */
  pulled?: string[]
  /** There is no room for another image. */
  isFull?: boolean
  /** What visitors get while the app is stopped. */
  holding: Holding | null
  /** The app's own disk: its database and volumes. */
  data: Data
  /** A restore has begun to replace the data and has not ended. */
  restoring: boolean
  /** Digests of the secrets that the app's services were told of by `rotate`. */
  rotated: Record<string, string>
  /** The agent's state folders, oldest first. */
  commands: Command[]
}

export type LogLine = { at: number; line: string }

/** What the agent wrote to compose.yaml and app.env. Values of secrets are not kept. */
export type Settings = {
  sha256: string
  services: string[]
  /** Variables that compose.yaml demands and app.env lacks. */
  missing: string[]
  plan: string | null
  /** The image of the service `app`, with the settings filled in and RELEASE left open. */
  image?: string | null
}

export type Holding = { title: string; message: string }

/** What is on the app's own disk. */
export type Data = {
  /** What visitors of the sample app left there, oldest first. */
  notes: string[]
  /** In which form: that of its first image when absent. */
  schema?: Schema
  /** The release that has changed it for good, or has begun to. */
  noReturn?: string
}

export type App = {
  release: string
  digest: string
  upAt: number
  stopped: boolean
  /** How its image is; good when absent. */
  behaviour?: Behaviour
  /** The data that its image lives with; any when absent. */
  schema?: Schema
}

/** Something that becomes true at a moment. */
export type Coming = {
  at: number
  app?: App
  settings?: Settings
  schema?: Schema
  pulled?: string
  holding?: null
  noReturn?: string
}

/** One command of the agent, known to its end from the moment it begins unless it carries something. */
export type Command = {
  id: string
  /** Verb and digest of the input: another request under the same id is refused. */
  request: string
  logs: LogLine[]
  /** Null while the command carries something, and for ever when it was interrupted. */
  endsAt: number | null
  end: AgentEnd | null
}

export type AgentEnd =
  | { result: Record<string, unknown> }
  | { error: { code: string; message: string; part?: string; back?: boolean; log?: string[] } }

export type AppStatus = {
  state: 'absent' | 'starting' | 'running' | 'stopped' | 'failed'
  release: string | null
  digest: string | null
}

/** The world's clock and pace. */
export type Pace = { now(): number; lasts(realMs: number): number }

/** What an agent has around it: time, and a registry. */
export type Surroundings = Pace & {
  /** Null when there is no such image for this machine; undefined when nothing is known of its whole repository. */
  findImage(asked: Pull): Pulled | null | undefined
  /** Whether the registry answers now. */
  registryAnswers(): boolean
}

const CONSOLE_LINES_MAX = 200

/** The machine with everything done that has come due. */
export function settled(machine: Machine, now: number): Machine {
  const { coming = [] } = machine
  const due = coming.filter(({ at }) => at <= now)
  if (due.length === 0) return machine
  return { ...due.reduce(become, machine), coming: coming.filter(({ at }) => at > now) }
}

function become(machine: Machine, coming: Coming): Machine {
  const { app, settings, pulled, holding } = coming
  const { schema = machine.data.schema, noReturn = machine.data.noReturn } = coming
  const images = pulled ? [...new Set([...(machine.pulled ?? []), pulled])] : machine.pulled
  return {
    ...machine,
    app: app ?? machine.app,
    settings: settings ?? machine.settings,
    data: { ...machine.data, schema, noReturn },
    holding: holding === undefined ? machine.holding : holding,
    pulled: images,
  }
}

/** The machine with further lines on its console, which forgets its oldest. */
export function withConsole(machine: Machine, lines: LogLine[]): Machine {
  return { ...machine, console: [...machine.console, ...lines].slice(-CONSOLE_LINES_MAX) }
}

/** How the machine stands, as its cloud would see it. */
export function stateOf(machine: Machine, now: number): 'off' | 'paused' | 'booting' | 'running' {
  if (machine.power === 'off') return 'off'
  if (machine.paused) return 'paused'
  return now < machine.readyAt ? 'booting' : 'running'
}

/** Whether sshd takes connections. */
export function sshListens(machine: Machine, now: number): boolean {
  return machine.power === 'on' && now >= machine.sshUpAt
}

/** Whether cloud-init has left the marker that Atlas's user-data asks for. */
export function isReady(machine: Machine, now: number): boolean {
  return machine.marked && now >= machine.readyAt
}

/** The app's container as the agent reports it. */
export function appStatus(machine: Machine, now: number): AppStatus {
  const { app, data } = settled(machine, now)
  if (!app) return { state: 'absent', release: null, digest: null }
  const { release, digest } = app
  if (app.stopped || machine.power === 'off') return { state: 'stopped', release, digest }
  if (now < app.upAt) return { state: 'starting', release, digest }
  return { state: crashes(app, data) ? 'failed' : 'running', release, digest }
}

/** Lines evenly over a stretch of time, the first at its start and the last at its end. */
export function spread(lines: string[], fromMs: number, lastsMs: number): LogLine[] {
  const gaps = Math.max(1, lines.length - 1)
  return lines.map((line, index) => ({ at: fromMs + (lastsMs * index) / gaps, line }))
}
