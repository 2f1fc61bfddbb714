import { createHash } from 'node:crypto'
import * as v from 'valibot'
import { newHostKey } from './host-key'
import {
  type AgentEnd,
  appStatus,
  type Command,
  isReady,
  type Machine,
  type Pace,
  settled,
  spread,
  withConsole,
} from './machine'
import { readSettings } from './settings'

export const AGENT_VERBS = ['status', 'host-key', 'settings', 'start', 'stop', 'logs'] as const
export type AgentVerb = (typeof AGENT_VERBS)[number]

export type Answered = { machine: Machine; command: Command }

type Work = { machine: Machine; end: AgentEnd; logs?: Command['logs']; endsAt?: number }

const START_MS = 12_000
const STOP_MS = 2_000
/** The part of a start that goes into pulling images. */
const PULL_SHARE = 0.7
const COMMANDS_MAX = 200

/** Splits `<verb> <command-id>`; null when the agent would refuse the words. */
export function readCommandLine(line: string): { verb: AgentVerb; id: string } | null {
  const match = /^(\S+) ([a-z0-9_-]{1,64})$/.exec(line)
  const verb = AGENT_VERBS.find((known) => known === match?.[1])
  return verb && match?.[2] ? { verb, id: match[2] } : null
}

/**
 * What the agent does with one command. A known id gives the command that has it, running or finished; a new
 * one is decided here to its end, which comes at `endsAt`. `status` and `logs` run anew each time.
 */
export function runAgent(machine: Machine, line: string, stdin: string, pace: Pace): Answered {
  const words = readCommandLine(line)
  if (!words) return atOnce(machine, pace, refusal('invalid', 'This verb is not known.'))
  const input = readInput(stdin)
  if (!input) return atOnce(machine, pace, refusal('invalid', 'The input is not a JSON object.'))
  const { verb, id } = words
  if (verb === 'status') return atOnce(machine, pace, status(machine, pace))
  if (!isReady(machine, pace.now())) {
    return atOnce(machine, pace, refusal('unavailable', 'The server is still being set up.'))
  }
  if (verb === 'logs') return atOnce(machine, pace, logs(machine, input, pace))
  return submit(machine, { verb, id, input, request: `${verb} ${sha256(stdin)}` }, pace)
}

type Submission = { verb: Exclude<AgentVerb, 'status' | 'logs'>; id: string; input: Input; request: string }
type Input = Record<string, unknown>

function submit(machine: Machine, { verb, id, input, request }: Submission, pace: Pace): Answered {
  const known = machine.commands.find((command) => command.id === id)
  if (known && known.request !== request) {
    return atOnce(machine, pace, refusal('conflict', 'Another command was given under this id.'))
  }
  if (known) return { machine, command: known }
  // One command at a time: this one waits for those before it.
  const from = Math.max(pace.now(), ...machine.commands.map((command) => command.endsAt))
  const work = VERBS[verb](settled(machine, from), input, from, pace)
  const command: Command = { id, request, logs: work.logs ?? [], endsAt: work.endsAt ?? from, end: work.end }
  const commands = [...work.machine.commands, command].slice(-COMMANDS_MAX)
  return { machine: { ...work.machine, commands }, command }
}

type Verb = (machine: Machine, input: Input, from: number, pace: Pace) => Work

const VERBS: Record<Submission['verb'], Verb> = {
  'host-key': hostKey,
  settings: deliverSettings,
  start,
  stop,
}

function hostKey(machine: Machine, input: Input): Work {
  if (input.action === 'prepare') {
    const nextHostKey = machine.nextHostKey ?? newHostKey()
    return { machine: { ...machine, nextHostKey }, end: { result: { public_key: nextHostKey.publicKey } } }
  }
  if (input.action !== 'activate')
    return { machine, end: refusal('invalid', 'The action is prepare or activate.') }
  const { hostKey: active, nextHostKey: next } = machine
  if (input.public_key === active.publicKey)
    return { machine, end: { result: { public_key: active.publicKey } } }
  if (!next || input.public_key !== next.publicKey) {
    return { machine, end: refusal('conflict', 'This is not the host key that was prepared.') }
  }
  return {
    machine: { ...machine, hostKey: next, nextHostKey: null },
    end: { result: { public_key: next.publicKey } },
  }
}

function deliverSettings(machine: Machine, input: Input): Work {
  const settings = readSettings(input)
  if (!settings) return { machine, end: refusal('invalid', 'The settings are malformed.') }
  return { machine: { ...machine, settings }, end: { result: { sha256: settings.sha256 } } }
}

const Release = v.pipe(v.string(), v.regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/))

function start(machine: Machine, input: Input, from: number, pace: Pace): Work {
  const { settings } = machine
  const parsed = v.safeParse(Release, input.release)
  if (!parsed.success) return { machine, end: refusal('invalid', 'The release is malformed.') }
  if (!settings) return { machine, end: refusal('conflict', 'The settings have not been delivered.') }
  const release = parsed.output
  if (settings.missing.length > 0) return missingVariable(machine, settings.missing, from)
  const digest = digestOf(release)
  const startsAt = from + pace.lasts(START_MS * PULL_SHARE)
  const upAt = from + pace.lasts(START_MS)
  const logs = [
    ...spread(pullLines(release, settings.services), from, startsAt - from),
    ...spread(startLines(release, settings.services), startsAt, upAt - startsAt),
  ]
  const starting = { release, digest, startsAt, upAt }
  return {
    machine: withConsole({ ...machine, starting }, logs),
    logs,
    endsAt: upAt,
    end: { result: { release, digest } },
  }
}

function missingVariable(machine: Machine, missing: string[], from: number): Work {
  const logs = missing.map((name) => ({ at: from, line: `required variable ${name} is missing a value` }))
  return {
    machine: withConsole(machine, logs),
    logs,
    end: refusal('unavailable', 'The app could not be started.'),
  }
}

function stop(machine: Machine, _input: Input, from: number, pace: Pace): Work {
  if (!machine.app) return { machine, end: { result: {} } }
  const app = { ...machine.app, stopped: true }
  return { machine: { ...machine, app }, endsAt: from + pace.lasts(STOP_MS), end: { result: {} } }
}

function status(machine: Machine, pace: Pace): AgentEnd {
  const now = pace.now()
  return {
    result: {
      agent_version: '1',
      ready: isReady(machine, now),
      app: appStatus(machine, now),
      host_key: machine.hostKey.publicKey,
    },
  }
}

const LineCount = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1000))

function logs(machine: Machine, input: Input, pace: Pace): AgentEnd {
  const count = v.safeParse(LineCount, input.lines)
  if (!count.success) return refusal('invalid', 'Lines is a whole number from 1 to 1000.')
  const seen = machine.console.filter((entry) => entry.at <= pace.now())
  return { result: { lines: seen.slice(-count.output).map((entry) => entry.line) } }
}

function pullLines(release: string, services: string[]): string[] {
  const pulls = services.map((service) => ` ${service} Pulling`)
  return [`Pulling release ${release}`, ...pulls, ...services.map((service) => ` ${service} Pulled`)]
}

function startLines(release: string, services: string[]): string[] {
  return [
    `Starting release ${release}`,
    ...services.map((service) => ` Container app-${service}-1  Started`),
    ...services.map((service) => ` Container app-${service}-1  Healthy`),
  ]
}

function atOnce(machine: Machine, pace: Pace, end: AgentEnd): Answered {
  return { machine, command: { id: '', request: '', logs: [], endsAt: pace.now(), end } }
}

export function refusal(code: string, message: string): AgentEnd {
  return { error: { code, message } }
}

function readInput(stdin: string): Input | null {
  try {
    const value: unknown = JSON.parse(stdin)
    const parsed = v.safeParse(v.record(v.string(), v.unknown()), value)
    return parsed.success && !Array.isArray(value) ? parsed.output : null
  } catch {
    return null
  }
}

/** The digest of a release's image. */
export function digestOf(release: string): string {
  return `sha256:${sha256(release)}`
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
