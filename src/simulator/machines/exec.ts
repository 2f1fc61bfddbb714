import type { Duplex } from 'node:stream'
import type { ServerChannel } from 'ssh2'
import { sleep } from '../../clock'
import type { Fault, Faults } from '../faults'
import { ReplyLost } from '../faults'
import type { World } from '../world'
import { onlyReads, readCommandLine, runAgent } from './agent'
import type { Login } from './cloud-init'
import type { LiveConnections } from './live'
import { type AgentEnd, type Command, type Machine, type Surroundings, settled } from './machine'
import { readTransfer } from './transfer-input'
import type { Transfers } from './transfers'
import { refusal } from './work'

export type MachineContext = {
  world: World
  faults: Faults
  live: LiveConnections
  transfers: Transfers
  /** Absent where there is no registry: then nothing is known of any image. */
  findImage?: Surroundings['findImage']
}

/** One request to run something, as it came over SSH. */
export type Exec = { machineId: string; login: Login; line: string; channel: ServerChannel; socket: Duplex }

const INPUT_MAX_BYTES = 1024 * 1024
const HANG_MAX_MS = 600_000
const SLOW_MS = 5_000
const PROVIDER = 'machine'

/** Runs what a client asks for, which can only be the agent, and answers on the channel. */
export async function execute(exec: Exec, context: MachineContext): Promise<void> {
  const { machineId, login, line, channel, socket } = exec
  const gone = new AbortController()
  channel.once('close', () => gone.abort())
  const stdin = await readAll(channel)
  const machine = machinesOf(context).get(machineId)
  if (!machine) return
  if (!hasAgent(machine, login)) {
    channel.stderr.write('sh: 1: not found\n')
    return finish(channel, 127)
  }
  const { verb = '', id } = readCommandLine(line) ?? {}
  const fault = await meetFault(verb, context, gone.signal)
  // A command that it has begun is never refused anew: whoever asks again hears what became of it.
  if (fault?.kind === 'refuse' && !commandOf(machineId, id, context)) {
    return end(channel, refusal(fault.code ?? 'unavailable', 'The simulator refuses this command.'))
  }
  await turn(machineId, line, context)
  const command = begin(machineId, line, stdin, context)
  const heard = command && fault?.kind === 'drop' ? firstHalf(command, context) : command
  const answer = heard && (await streamed(heard, exec, context, gone.signal))
  if (!answer) return
  if (fault?.kind === 'lose_reply' || fault?.kind === 'drop') socket.destroy()
  else end(channel, answer)
}

/** Lets a call meet what is set to go wrong: waits for `slow`, and breaks the connection after a `timeout`. */
export async function meetFault(
  verb: string,
  { world, faults }: MachineContext,
  signal: AbortSignal,
): Promise<Fault | undefined> {
  const wait = (ms: number) => sleep(world.clock, ms, signal).catch(() => undefined)
  const fault = faults.take(PROVIDER, verb)
  if (fault?.kind === 'slow') await wait(fault.delayMs ?? SLOW_MS)
  if (fault?.kind === 'timeout') {
    await wait(HANG_MAX_MS)
    throw new ReplyLost()
  }
  return fault
}

/** Resolves at once, or when a paused machine goes on. */
export async function awake(
  machineId: string,
  context: Pick<MachineContext, 'world' | 'live'>,
): Promise<void> {
  if (machinesOf(context).get(machineId)?.paused) await context.live.nextWake(machineId)
}

/** Every machine of a world. */
export function machinesOf({ world }: Pick<MachineContext, 'world'>) {
  return world.table<Machine>('machines')
}

function commandOf(machineId: string, id: string | undefined, context: MachineContext): Command | undefined {
  const { commands = [] } = machinesOf(context).get(machineId) ?? {}
  return commands.find((command) => command.id === id)
}

/** One command at a time: resolves when nothing is being carried, unless by this very command. */
async function turn(machineId: string, line: string, { transfers }: MachineContext): Promise<void> {
  const words = readCommandLine(line)
  if (!words || onlyReads(words.verb)) return
  while (transfers.isCarrying(machineId) && !transfers.isCarrying(machineId, words.id)) {
    await transfers.ended(machineId)
  }
}

function begin(machineId: string, line: string, stdin: string, context: MachineContext): Command | null {
  const { world, transfers } = context
  const stored = machinesOf(context).get(machineId)
  if (!stored || stored.power === 'off') return null
  const machine = transfers.isCarrying(machineId) ? stored : withoutInterrupted(stored)
  const { machine: changed, command } = runAgent(settled(machine, world.now()), line, stdin, around(context))
  if (changed !== stored) machinesOf(context).put(changed)
  const verb = readCommandLine(line)?.verb
  if (command.end === null && !transfers.isCarrying(machineId) && (verb === 'backup' || verb === 'restore')) {
    const input = readTransfer(verb, JSON.parse(stdin) as Record<string, unknown>)
    if (input) transfers.begin(machineId, command, input)
  }
  return command
}

function around({ world, faults, findImage = () => undefined }: MachineContext): Surroundings {
  return {
    now: () => world.now(),
    lasts: (realMs) => world.lasts(realMs),
    findImage,
    registryAnswers: () => faults.take('registry', 'pull') === undefined,
  }
}

/** A command without an end that nobody works on was cut off; its id takes it up again. */
function withoutInterrupted(machine: Machine): Machine {
  const commands = machine.commands.filter((command) => command.end !== null)
  return commands.length === machine.commands.length ? machine : { ...machine, commands }
}

/** As much of a command as somebody hears whose connection breaks in its middle. */
function firstHalf(command: Command, { world }: MachineContext): Command {
  const begunAt = command.logs[0]?.at ?? world.now()
  const until = begunAt + ((command.endsAt ?? begunAt) - begunAt) / 2
  return { ...command, logs: command.logs.filter(({ at }) => at <= until), endsAt: until, end: DROPPED }
}

const DROPPED = refusal('unavailable', 'Nobody hears this.')

/** Sends a command's log as it comes, then resolves to its end; null when nobody listens any more by then. */
async function streamed(
  command: Command,
  { machineId, channel }: Exec,
  context: MachineContext,
  signal: AbortSignal,
): Promise<AgentEnd | null> {
  for (const { at, line } of command.logs) {
    await until(at, machineId, context, signal)
    if (signal.aborted) return null
    channel.write(`${JSON.stringify({ log: line })}\n`)
  }
  if (command.endsAt === null) await context.transfers.ended(machineId)
  await until(command.endsAt ?? 0, machineId, context, signal)
  if (signal.aborted) return null
  // What carries something has its end only now, and on the machine.
  return command.end ?? commandOf(machineId, command.id, context)?.end ?? null
}

async function until(
  at: number,
  machineId: string,
  context: MachineContext,
  signal: AbortSignal,
): Promise<void> {
  const { world } = context
  if (at > world.now()) await sleep(world.clock, at - world.now(), signal).catch(() => undefined)
  await awake(machineId, context)
}

/** The forced command must name a program that the first boot wrote to the disk. */
function hasAgent(machine: Machine, login: Login): boolean {
  const words = login.forcedCommand?.split(/\s+/) ?? []
  return machine.files.some((file) => words.includes(file.path))
}

/** By events: an async loop would close the channel behind it, and with it the way to answer. */
function readAll(channel: ServerChannel): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  channel.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes <= INPUT_MAX_BYTES) chunks.push(chunk)
  })
  return new Promise((resolve) => {
    channel.once('end', () => resolve(Buffer.concat(chunks).toString())).once('close', () => resolve(''))
  })
}

function end(channel: ServerChannel, answer: AgentEnd): void {
  channel.write(`${JSON.stringify(answer)}\n`)
  finish(channel, 'result' in answer ? 0 : 1)
}

function finish(channel: ServerChannel, exitCode: number): void {
  channel.exit(exitCode)
  channel.end()
}
