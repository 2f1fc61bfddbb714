import { generateKeyPairSync } from 'node:crypto'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { Server, type ServerChannel } from 'ssh2'
import { generateHostKey } from '../../src/providers/ssh/keys'

export type TestServer = { port: number; stop(): void }

/** An SSH server on loopback that lets everybody in and does with each command what `run` says. */
export async function sshServer(run: (channel: ServerChannel, line: string) => void, privateKey?: string) {
  const hostKey = generateHostKey()
  let authentications = 0
  const server = new Server({ hostKeys: [privateKey ?? hostKey.privateKey] }, (client) => {
    client.on('error', () => undefined)
    client.on('authentication', (context) => {
      authentications++
      context.accept()
    })
    client.on('session', (accept) => {
      accept().on('exec', (acceptExec, _reject, { command }) => {
        const channel = acceptExec()
        channel.on('error', () => undefined).resume()
        run(channel, command)
      })
    })
  })
  const { port, stop } = await tcpServer((socket) => server.injectSocket(socket))
  return { port, stop, hostKeys: [hostKey.publicKey], authentications: () => authentications }
}

/** A TCP server on loopback that hands every connection to `talk`. */
export async function tcpServer(talk: (socket: Socket) => void): Promise<TestServer> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    talk(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const stop = () => {
    for (const socket of sockets) socket.destroy()
    server.close()
  }
  return { port: (server.address() as AddressInfo).port, stop }
}

/** An HTTP proxy that answers every CONNECT with the same text. */
export async function refusingGateway(answer: string): Promise<TestServer & { asked: string[] }> {
  const asked: string[] = []
  const server = createHttpServer().on('connect', (request, socket) => {
    asked.push(`${request.url} ${request.headers['proxy-authorization'] ?? ''}`.trim())
    socket.end(answer)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { port: (server.address() as AddressInfo).port, asked, stop: () => server.close() }
}

/** An ECDSA key, which Atlas never pins. */
export function ecdsaKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return privateKey.export({ type: 'sec1', format: 'pem' }).toString()
}
