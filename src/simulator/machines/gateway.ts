import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Doors } from './doors'

export type Gateway = { url: string; stop(): Promise<void> }

// RFC 9209: so that nobody takes the gateway's own answer for the server's.
const REFUSED = 'gateway; error=connection_refused'

/**
 * The way to the simulated machines by their cloud addresses: an HTTP proxy on loopback. CONNECT to port 22
 * reaches a machine's sshd; a request for `http://<address>/...` reaches its web server, on whatever port the
 * front door has, because that stands for the machine's port 80.
 */
export async function startGateway(doors: Doors, port: number): Promise<Gateway> {
  const server = createServer((request, response) => void forward(doors, request, response))
  const sockets = new Set<Duplex>()
  server.on('connect', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    sockets.add(socket)
    socket.on('error', () => undefined).once('close', () => sockets.delete(socket))
    void connect(doors, request.url ?? '', socket, head)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, '127.0.0.1', resolve)
  })
  const { port: bound } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${bound}`, stop: () => stop(server, sockets) }
}

async function connect(doors: Doors, target: string, socket: Duplex, head: Buffer): Promise<void> {
  const [, ipv4 = '', port] = /^([\d.]+):(\d+)$/.exec(target) ?? []
  const gone = new AbortController()
  socket.once('close', () => gone.abort())
  try {
    const answer = port === '22' ? await doors.knock(ipv4, gone.signal) : 'refused'
    if (answer === 'refused') {
      socket.end(`HTTP/1.1 502 Bad Gateway\r\nProxy-Status: ${REFUSED}\r\nContent-Length: 0\r\n\r\n`)
      return
    }
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
    if (head.length > 0) socket.unshift(head)
    doors.acceptSsh(ipv4, socket)
  } catch {
    socket.destroy()
  }
}

async function forward(doors: Doors, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  try {
    const target = new URL(request.url ?? '')
    const url = new URL(target.pathname + target.search, `http://${request.headers.host}`)
    const asked = new Request(url.href, { method: request.method, signal: gone.signal })
    const answer = await doors.answerHttp(target.hostname, asked)
    if (answer === 'refused') {
      response.writeHead(502, { 'Proxy-Status': REFUSED }).end('The server refused the connection.\n')
      return
    }
    response.writeHead(answer.status, Object.fromEntries(answer.headers))
    response.end(Buffer.from(await answer.arrayBuffer()))
  } catch {
    // A malformed request, or a reply that has to be lost.
    request.socket.destroy()
  }
}

async function stop(server: Server, sockets: Set<Duplex>): Promise<void> {
  for (const socket of sockets) socket.destroy()
  server.closeAllConnections()
  await new Promise<void>((resolve) => server.close(() => resolve()))
}
