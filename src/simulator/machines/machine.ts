import type { MachineSpec } from '../driver'
import { type Login, obey, type WrittenFile } from './cloud-init'
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
  /** A release that is being pulled and started. */
  starting: Starting | null
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
}

export type Holding = { title: string; message: string }

/** What visitors of the sample app left there, oldest first. */
export type Data = { notes: string[] }

export type App = { release: string; digest: string; upAt: number; stopped: boolean }
export type Starting = { release: string; digest: string; startsAt: number; upAt: number }

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

export type AgentEnd = { result: Record<string, unknown> } | { error: { code: string; message: string } }

export type AppStatus = {
  state: 'absent' | 'starting' | 'running' | 'stopped'
  release: string | null
  digest: string | null
}

/** The world's clock and pace. */
export type Pace = { now(): number; lasts(realMs: number): number }

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
    starting: null,
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
    starting: null,
    console: settledMachine.console.filter((line) => line.at <= now),
    commands: settledMachine.commands.filter(({ endsAt }) => endsAt !== null && endsAt <= now),
  }
}

/** The machine with everything done that has come due. */
export function settled(machine: Machine, now: number): Machine {
  const { starting } = machine
  if (!starting || starting.upAt > now) return machine
  const { release, digest, upAt } = starting
  return { ...machine, starting: null, holding: null, app: { release, digest, upAt, stopped: false } }
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
  const { app, starting } = settled(machine, now)
  if (starting && now >= starting.startsAt) {
    return { state: 'starting', release: starting.release, digest: starting.digest }
  }
  if (!app) return { state: 'absent', release: null, digest: null }
  const { release, digest } = app
  if (app.stopped || machine.power === 'off') return { state: 'stopped', release, digest }
  return { state: now >= app.upAt ? 'running' : 'starting', release, digest }
}

/** Lines evenly over a stretch of time, the first at its start and the last at its end. */
export function spread(lines: string[], fromMs: number, lastsMs: number): LogLine[] {
  const gaps = Math.max(1, lines.length - 1)
  return lines.map((line, index) => ({ at: fromMs + (lastsMs * index) / gaps, line }))
}
