import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { type AtlasError, conflict, invalid, unauthorized, unavailable } from '../errors'

export type SocketRequest = {
  /** An IP address: names are never looked up here. */
  address: string
  port: number
  /** `http://` or `https://` address of an HTTP proxy that allows CONNECT; straight to the server when absent. */
  gatewayUrl?: string
  /** Gives up when it aborts. */
  signal: AbortSignal
}

const HEAD_MAX_BYTES = 16_384
const HEAD_END = '\r\n\r\n'

/**
 * Opens a TCP connection to a server, through the gateway when there is one. Throws `unavailable` (refused:
 * nothing reached the server) when it cannot, `unauthorized` when the gateway wants other credentials.
 */
export async function openSocket(request: SocketRequest): Promise<Socket> {
  if (!isIP(request.address)) throw invalid('A server is reached by its IP address only.')
  if (!request.gatewayUrl) return connected(connectTcp(request.port, request.address), request.signal)
  const gateway = new URL(request.gatewayUrl)
  const socket = await connected(socketTo(gateway), request.signal, 'gateway')
  try {
    await tunnel(socket, gateway, request)
    return socket
  } catch (thrown) {
    socket.destroy()
    throw thrown
  }
}

function socketTo(gateway: URL): Socket {
  const host = gateway.hostname.replace(/^\[|\]$/g, '')
  if (gateway.protocol === 'http:') return connectTcp(Number(gateway.port || 80), host)
  if (gateway.protocol !== 'https:') throw invalid('The gateway address must begin with http:// or https://.')
  return connectTls({ host, port: Number(gateway.port || 443), servername: isIP(host) ? undefined : host })
}

function connected(socket: Socket, signal: AbortSignal, whose = 'server'): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>()
  const abort = () => socket.destroy(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  if (signal.aborted) abort()
  socket.setNoDelay(true)
  socket.once('encrypted' in socket ? 'secureConnect' : 'connect', () => resolve(socket))
  // Stays on: a socket that fails later without a listener would end the process.
  socket.on('error', (error) => reject(unreachable(whose, error)))
  socket.once('close', () => reject(unreachable(whose)))
  return promise.finally(() => signal.removeEventListener('abort', abort))
}

async function tunnel(socket: Socket, gateway: URL, { address, port, signal }: SocketRequest): Promise<void> {
  const target = `${isIP(address) === 6 ? `[${address}]` : address}:${port}`
  const credentials = gateway.username
    ? `Proxy-Authorization: Basic ${btoa(decodeURIComponent(`${gateway.username}:${gateway.password}`))}\r\n`
    : ''
  const answer = readHead(socket, signal)
  socket.write(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n${credentials}\r\n`)
  const status = Number((await answer).match(/^HTTP\/1\.[01] (\d{3})/)?.[1])
  if (status >= 200 && status < 300) return
  throw refusedByGateway(status)
}

/** Reads the gateway's answer and leaves every byte after it, which is the server's, in the socket. */
function readHead(socket: Socket, signal: AbortSignal): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  let seen = Buffer.alloc(0)
  const read = (chunk: Buffer) => {
    seen = Buffer.concat([seen, chunk])
    const end = seen.indexOf(HEAD_END)
    if (end === -1 && seen.length > HEAD_MAX_BYTES) return reject(unreachable('gateway'))
    if (end === -1) return
    socket.off('data', read).pause()
    const rest = seen.subarray(end + HEAD_END.length)
    if (rest.length > 0) socket.unshift(rest)
    resolve(seen.toString('latin1', 0, end))
  }
  const lost = () => reject(unreachable('gateway'))
  const abort = () => reject(unreachable('server'))
  socket.on('data', read).once('close', lost)
  signal.addEventListener('abort', abort, { once: true })
  return promise.finally(() => {
    socket.off('data', read).off('close', lost)
    signal.removeEventListener('abort', abort)
  })
}

function refusedByGateway(status: number): AtlasError {
  if (status === 407) return unauthorized('The gateway to the servers wants other credentials.')
  if (status === 403) return conflict('The gateway to the servers does not allow this connection.')
  return unreachable('server')
}

function unreachable(whose: string, cause?: unknown): AtlasError {
  const vendorCode = cause instanceof Error && 'code' in cause ? String(cause.code) : undefined
  const message =
    whose === 'gateway'
      ? 'The gateway to the servers cannot be reached.'
      : 'The server cannot be reached over SSH.'
  return unavailable(message, { outcome: 'refused', vendorCode, cause })
}
