import type { Clock } from '../clock'
import { AtlasError, unavailable } from '../errors'
import type { AgentReply, Machines, RunOptions } from './machines'
import { commandInput, commandLine } from './ssh/command'
import { type Connection, type Dial, lostMidway, openConnection } from './ssh/connection'
import { parsePrivateKey } from './ssh/keys'
import { Pool } from './ssh/pool'
import { type AgentEnd, readReply } from './ssh/reply'

export type MachinesOptions = {
  /** OpenSSH private key without a passphrase, whose public half the servers know. */
  privateKey: string
  user?: string
  port?: number
  /** HTTP proxy that allows CONNECT to the servers; straight to them when absent. */
  gatewayUrl?: string
  /** How a server is reached instead, for servers that are no network away. */
  dial?: Dial
  clock: Clock
  connectTimeoutMs?: number
}

const CONNECT_TIMEOUT_MS = 15_000
const COMMAND_TIMEOUT_MS = 60_000

/** Commands to the tenants' servers over SSH. Throws `invalid` in words when the private key cannot be used. */
export function createMachines(options: MachinesOptions): Machines {
  const { clock, gatewayUrl, dial, user = 'atlas', port = 22 } = options
  const { connectTimeoutMs = CONNECT_TIMEOUT_MS } = options
  const key = parsePrivateKey(options.privateKey)
  const pool = new Pool(
    (target) => openConnection(target, { key, user, port, gatewayUrl, dial, clock, connectTimeoutMs }),
    clock,
  )
  return {
    run: (target, command, runOptions = {}) => {
      const prepared = { line: commandLine(command), input: commandInput(command.input) }
      return pool.use(target, (connection) => runOn(connection, prepared, runOptions, clock, pool))
    },
    close: (address) => pool.close(address),
  }
}

type Prepared = { line: string; input: string }

async function runOn(
  connection: Connection,
  command: Prepared,
  { timeoutMs = COMMAND_TIMEOUT_MS, onLog }: RunOptions,
  clock: Clock,
  pool: Pool,
): Promise<AgentReply> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const disarm = clock.at(clock.now() + timeoutMs, () => {
    // A server that does not answer one command may not answer the next on this connection either.
    pool.retire(connection)
    reject(timedOut())
  })
  try {
    const result = await Promise.race([converse(connection, command, onLog), late])
    return { result, hostKey: connection.hostKey }
  } finally {
    disarm()
  }
}

async function converse(
  connection: Connection,
  { line, input }: Prepared,
  onLog: RunOptions['onLog'],
): Promise<Record<string, unknown>> {
  const channel = await connection.exec(line)
  const closed = new Promise<number | null>((resolve) => {
    channel.once('close', (exitCode: number | null | undefined) => resolve(exitCode ?? null))
  })
  // ssh2 never closes a channel whose standard error nobody reads.
  channel.stderr.resume()
  channel.end(input)
  const end = await readReply(channel, onLog)
  return resultOf(end ?? (await noAnswer(closed)))
}

function resultOf(end: AgentEnd): Record<string, unknown> {
  if ('result' in end) return end.result
  throw new AtlasError(end.error.code, end.error.message, {
    // The agent said so itself: the command is over, and its id is used up.
    outcome: 'refused',
    vendorCode: `agent_${end.error.code}`,
    facts: end.error.facts,
  })
}

async function noAnswer(closed: Promise<number | null>): Promise<never> {
  const exitCode = await closed
  if (exitCode === null) throw lostMidway()
  throw unavailable("The server's agent ended without an answer.", {
    outcome: 'unknown',
    vendorCode: `exit_${exitCode}`,
  })
}

function timedOut(): AtlasError {
  return unavailable('The server did not finish the command in time; it may still be running there.', {
    outcome: 'unknown',
    vendorCode: 'command_timeout',
  })
}
