import type { Duplex } from 'node:stream'
import { Client, type ClientChannel, type ParsedKey, type PublicKeyAuthMethod } from 'ssh2'
import type { Clock } from '../../clock'
import { type AtlasError, asAtlasError, conflict, unauthorized, unavailable } from '../../errors'
import { openSocket, type SocketRequest } from '../gateway'
import type { MachineTarget } from '../machines'
import { publicLine, sameKey } from './keys'

/** One authenticated connection to a server. */
export type Connection = {
  /** The host key it showed. */
  readonly hostKey: string
  /** Opens a channel and starts a command on it. */
  exec(line: string): Promise<ClientChannel>
  onClose(action: () => void): void
  /** Ends it politely. */
  end(): void
  /** Cuts it off: for a server that no longer answers. */
  destroy(): void
}

export type ConnectionOptions = {
  key: ParsedKey
  user: string
  port: number
  gatewayUrl?: string
  dial?: Dial
  clock: Clock
  connectTimeoutMs: number
}

/** Another way to a server than over the network; like `openSocket`, for which it stands. */
export type Dial = (request: SocketRequest) => Promise<Duplex>

const KEEPALIVE_INTERVAL_MS = 15_000
const KEEPALIVE_COUNT_MAX = 3

/**
 * Connects and authenticates with the key alone. The host key is checked inside the key exchange, before
 * anything of ours is sent: `conflict` with vendorCode `host_key_mismatch` when it is none of the pinned ones.
 * Every other failure here means that the server did nothing: `unavailable` refused, or `unauthorized`.
 */
export async function openConnection(target: MachineTarget, options: ConnectionOptions): Promise<Connection> {
  if (target.hostKeys.length === 0) throw hostKeyMismatch()
  const deadline = new AbortController()
  const disarm = options.clock.at(options.clock.now() + options.connectTimeoutMs, () =>
    deadline.abort(new Error('connect time-out')),
  )
  try {
    const { port, gatewayUrl, dial = openSocket } = options
    const socket = await dial({ address: target.address, port, gatewayUrl, signal: deadline.signal })
    return await authenticated(new Client(), socket, target, options, deadline.signal)
  } catch (thrown) {
    throw deadline.signal.aborted ? timedOut() : asAtlasError(thrown)
  } finally {
    disarm()
  }
}

function authenticated(
  client: Client,
  sock: Duplex,
  { hostKeys }: MachineTarget,
  { user, key }: ConnectionOptions,
  signal: AbortSignal,
): Promise<Connection> {
  const { promise, resolve, reject } = Promise.withResolvers<Connection>()
  const method: PublicKeyAuthMethod = { type: 'publickey', username: user, key }
  let shown = ''
  signal.addEventListener('abort', () => sock.destroy(), { once: true })
  // Stays on after the handshake: an error without a listener would end the process.
  client.on('error', (error) => reject(explain(error)))
  client.once('close', () => reject(lostBeforeReady()))
  client.once('ready', () => resolve(wrap(client, sock, shown)))
  client.connect({
    sock,
    username: user,
    authHandler: [method],
    algorithms: { serverHostKey: ['ssh-ed25519'] },
    hostVerifier: (blob: Buffer) => {
      shown = publicLine(blob)
      return hostKeys.some((pinned) => sameKey(pinned, shown))
    },
    // The clock passed in decides; ssh2 would use the machine's own.
    readyTimeout: 0,
    keepaliveInterval: KEEPALIVE_INTERVAL_MS,
    keepaliveCountMax: KEEPALIVE_COUNT_MAX,
  })
  return promise
}

function wrap(client: Client, sock: Duplex, hostKey: string): Connection {
  let closed = false
  client.once('close', () => {
    closed = true
  })
  return {
    hostKey,
    exec: (line) => exec(client, line, () => closed),
    onClose: (action) => client.once('close', action),
    end: () => client.end(),
    destroy: () => sock.destroy(),
  }
}

function exec(client: Client, line: string, isClosed: () => boolean): Promise<ClientChannel> {
  return new Promise((resolve, reject) => {
    try {
      client.exec(line, (error, channel) => {
        if (!error) return resolve(channel)
        reject(isClosed() ? lostMidway(error) : channelRefused(error))
      })
    } catch (thrown) {
      // ssh2 throws when the socket is already gone: nothing was sent.
      reject(channelRefused(thrown))
    }
  })
}

function explain(error: Error & { level?: string; code?: unknown }): AtlasError {
  if (/Host denied|no matching host key format/.test(error.message)) return hostKeyMismatch(error)
  if (error.level === 'client-authentication') {
    return unauthorized("The server does not accept Atlas's SSH key.")
  }
  return unavailable('The server did not complete the SSH handshake.', {
    outcome: 'refused',
    vendorCode: typeof error.code === 'string' ? error.code : 'handshake',
    cause: error,
  })
}

function hostKeyMismatch(cause?: unknown): AtlasError {
  return conflict('The server shows another host key than the one Atlas knows; nothing was sent to it.', {
    vendorCode: 'host_key_mismatch',
    cause,
  })
}

function timedOut(): AtlasError {
  return unavailable('The server did not answer over SSH in time.', {
    outcome: 'refused',
    vendorCode: 'connect_timeout',
  })
}

function lostBeforeReady(): AtlasError {
  return unavailable('The SSH connection was closed before it was ready.', {
    outcome: 'refused',
    vendorCode: 'closed',
  })
}

/** The connection broke while a command may have been running. */
export function lostMidway(cause?: unknown): AtlasError {
  return unavailable('The SSH connection broke before the answer came.', {
    outcome: 'unknown',
    vendorCode: 'connection_lost',
    cause,
  })
}

function channelRefused(cause: unknown): AtlasError {
  return unavailable('The server opened no channel for the command.', {
    outcome: 'refused',
    vendorCode: 'channel_refused',
    cause,
  })
}
