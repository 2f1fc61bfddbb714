import type { Duplex } from 'node:stream'
import type { ServerChannel } from 'ssh2'
import { sleep } from '../../clock'
import type { Fault, Faults } from '../faults'
import { ReplyLost } from '../faults'
import type { World } from '../world'
import { readCommandLine, refusal, runAgent } from './agent'
import type { Login } from './cloud-init'
import type { LiveConnections } from './live'
import { type Command, type Machine, settled } from './machine'

export type MachineContext = { world: World; faults: Faults; live: LiveConnections }

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
  const fault = await meetFault(readCommandLine(line)?.verb ?? '', context, gone.signal)
  if (fault?.kind === 'refuse') {
    return end(channel, refusal(fault.code ?? 'unavailable', 'The simulator refuses this command.'))
  }
  const command = begin(machineId, line, stdin, context)
  if (!command || !(await streamed(command, exec, context, gone.signal))) return
  if (fault?.kind === 'lose_reply') socket.destroy()
  else end(channel, command.end)
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
export async function awake(machineId: string, context: MachineContext): Promise<void> {
  if (machinesOf(context).get(machineId)?.paused) await context.live.nextWake(machineId)
}

export function machinesOf({ world }: Pick<MachineContext, 'world'>) {
  return world.table<Machine>('machines')
}

function begin(machineId: string, line: string, stdin: string, context: MachineContext): Command | null {
  const { world } = context
  const machine = machinesOf(context).get(machineId)
  if (!machine || machine.power === 'off') return null
  const { machine: changed, command } = runAgent(settled(machine, world.now()), line, stdin, world)
  if (changed !== machine) machinesOf(context).put(changed)
  return command
}

/** Sends a command's log as it comes; false when nobody listens any more before its end. */
async function streamed(
  command: Command,
  { machineId, channel }: Exec,
  context: MachineContext,
  signal: AbortSignal,
): Promise<boolean> {
  for (const { at, line } of command.logs) {
    await until(at, machineId, context, signal)
    if (signal.aborted) return false
    channel.write(`${JSON.stringify({ log: line })}\n`)
  }
  await until(command.endsAt, machineId, context, signal)
  return !signal.aborted
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

function end(channel: ServerChannel, answer: Command['end']): void {
  channel.write(`${JSON.stringify(answer)}\n`)
  finish(channel, 'result' in answer ? 0 : 1)
}

function finish(channel: ServerChannel, exitCode: number): void {
  channel.exit(exitCode)
  channel.end()
}
