import { createHash } from 'node:crypto'
import * as v from 'valibot'
import { deploy } from './deploy'
import { newHostKey } from './host-key'
import {
  type AgentEnd,
  appStatus,
  type Command,
  isReady,
  type Machine,
  type Pace,
  type Surroundings,
  settled,
} from './machine'
import { start } from './release'
import { rotate } from './rotate'
import { readSettings } from './settings'
import { beginTransfer } from './transfer-input'
import { update, versionOf } from './update'
import { refusal, type Work } from './work'

const AGENT_VERBS = [
  'status',
  'host-key',
  'settings',
  'start',
  'stop',
  'logs',
  'backup',
  'restore',
  'rotate',
  'deploy',
  'update',
] as const
export type AgentVerb = (typeof AGENT_VERBS)[number]

export type Answered = { machine: Machine; command: Command }

const STOP_MS = 2_000
const COMMANDS_MAX = 200

/** Splits `<verb> <command-id>`; null when the agent would refuse the words. */
export function readCommandLine(line: string): { verb: AgentVerb; id: string } | null {
  const match = /^(\S+) ([a-z0-9_-]{1,64})$/.exec(line)
  const verb = AGENT_VERBS.find((known) => known === match?.[1])
  return verb && match?.[2] ? { verb, id: match[2] } : null
}

/** Whether the verb runs at once and leaves nothing behind, whatever else is running. */
export function onlyReads(verb: AgentVerb): boolean {
  return verb === 'status' || verb === 'logs'
}

/**
 * What the agent does with one command. A known id gives the command that has it, running or finished; a new
 * one is decided here to its end, which comes at `endsAt`, except for `backup` and `restore`: these are begun here
 * and their end is null until it is known. `status` and `logs` run anew each time.
 */
export function runAgent(machine: Machine, line: string, stdin: string, pace: Surroundings): Answered {
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
  return submit(machine, { verb, id, input, request: `${verb} ${sha256(gistOf(verb, input, stdin))}` }, pace)
}

type Submission = { verb: Exclude<AgentVerb, 'status' | 'logs'>; id: string; input: Input; request: string }
type Input = Record<string, unknown>

/** What makes two inputs the same command. */
function gistOf(verb: AgentVerb, { release, images, former }: Input, stdin: string): string {
  return verb === 'deploy' ? JSON.stringify({ release, images, former }) : stdin
}

function submit(machine: Machine, { verb, id, input, request }: Submission, pace: Surroundings): Answered {
  const known = machine.commands.find((command) => command.id === id)
  if (known && known.request !== request) {
    return atOnce(machine, pace, refusal('conflict', 'Another command was given under this id.'))
  }
  if (known) return { machine, command: known }
  // One command at a time: this one waits for those before it.
  const from = Math.max(pace.now(), ...machine.commands.map((command) => command.endsAt ?? 0))
  const work = VERBS[verb](settled(machine, from), input, from, pace)
  const { end, endsAt = from } = work
  const command: Command = { id, request, logs: work.logs ?? [], endsAt: end && endsAt, end }
  const commands = [...work.machine.commands, command].slice(-COMMANDS_MAX)
  return { machine: { ...work.machine, commands }, command }
}

type Verb = (machine: Machine, input: Input, from: number, pace: Surroundings) => Work

const VERBS: Record<Submission['verb'], Verb> = {
  'host-key': hostKey,
  settings: deliverSettings,
  start,
  stop,
  rotate,
  backup: beginTransfer('backup'),
  restore: beginTransfer('restore'),
  deploy,
  update,
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

const words = v.pipe(v.string(), v.minLength(1), v.maxLength(2000))
const HoldingPage = v.object({ title: words, message: words })

function stop(machine: Machine, input: Input, from: number, pace: Pace): Work {
  const page = v.safeParse(v.optional(HoldingPage), input.holding)
  if (!page.success) return { machine, end: refusal('invalid', 'The holding page is malformed.') }
  const holding = page.output ?? null
  if (!machine.app) return { machine: { ...machine, holding }, end: { result: {} } }
  const app = { ...machine.app, stopped: true }
  return {
    machine: { ...machine, app, holding },
    endsAt: from + pace.lasts(STOP_MS),
    end: { result: {} },
  }
}

function status(machine: Machine, pace: Pace): AgentEnd {
  const now = pace.now()
  return {
    result: {
      agent_version: versionOf(machine),
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

function atOnce(machine: Machine, pace: Pace, end: AgentEnd): Answered {
  return { machine, command: { id: '', request: '', logs: [], endsAt: pace.now(), end } }
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

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
