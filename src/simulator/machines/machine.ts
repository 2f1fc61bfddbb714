import type { MachineSpec } from '../driver'
import type { Pull, Pulled } from '../registry'
import type { Behaviour, Schema } from '../registry/images'
import { type Login, obey, type WrittenFile } from './cloud-init'
import { crashes } from './condition'
import { type HostKey, newHostKey } from './host-key'

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

const FIRST_BOOT_SSH_MS = 18_000
const FIRST_BOOT_MS = 25_000
const BOOT_SSH_MS = 8_000
const BOOT_MS = 10_000
const APP_BOOT_MS = 3_000
const CONSOLE_LINES_MAX = 200

/** A machine at the moment its power comes on for the first time. */
export function newMachine({ serverId, name, ipv4, userData }: MachineSpec, pace: Pace): Machine {
  const { hostKey, log, ...firstBoot } = obey(userData)
  const now = pace.now()
  const lines = ['Booting', ...log.map((line) => `cloud-init: ${line}`), 'cloud-init: finished']
  return {
    ...firstBoot,
    id: serverId,
    name,
    ipv4,
    power: 'on',
    paused: false,
    sshUpAt: now + pace.lasts(FIRST_BOOT_SSH_MS),
    readyAt: now + pace.lasts(FIRST_BOOT_MS),
    hostKey: hostKey ?? newHostKey(),
    nextHostKey: null,
    console: spread(lines, now, pace.lasts(FIRST_BOOT_MS)),
    settings: null,
    app: null,
    holding: null,
    data: { notes: [] },
    restoring: false,
    rotated: {},
    commands: [],
  }
}

/** Power comes on again: what was running before starts by itself. */
export function poweredOn(machine: Machine, pace: Pace): Machine {
  const now = pace.now()
  const readyAt = now + pace.lasts(BOOT_MS)
  return withConsole(
    {
      ...machine,
      power: 'on',
      paused: false,
      sshUpAt: now + pace.lasts(BOOT_SSH_MS),
      readyAt,
      app: machine.app && { ...machine.app, upAt: readyAt + pace.lasts(APP_BOOT_MS) },
    },
    [{ at: now, line: 'Booting' }],
  )
}

/** Power is gone: whatever had not finished never happened. */
export function poweredOff(machine: Machine, now: number): Machine {
  const settledMachine = settled(machine, now)
  return {
    ...settledMachine,
    power: 'off',
    paused: false,
    coming: [],
    console: settledMachine.console.filter((line) => line.at <= now),
    commands: settledMachine.commands.filter(({ endsAt }) => endsAt !== null && endsAt <= now),
  }
}

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

export function withConsole(machine: Machine, lines: LogLine[]): Machine {
  return { ...machine, console: [...machine.console, ...lines].slice(-CONSOLE_LINES_MAX) }
}

export function stateOf(machine: Machine, now: number): 'off' | 'paused' | 'booting' | 'running' {
  if (machine.power === 'off') return 'off'
  if (machine.paused) return 'paused'
  return now < machine.readyAt ? 'booting' : 'running'
}

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
