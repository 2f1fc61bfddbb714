import { timingSafeEqual } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { type AuthContext, type Connection, Server, type ServerChannel, utils } from 'ssh2'
import type { Login } from './cloud-init'

/** What a machine's sshd needs to know of its machine. */
export type SshHost = {
  hostPrivateKey: string
  logins: Login[]
  /** Called for every authentication request, accepted or not. */
  onAuthentication(accepted: boolean): void
  /** Runs what a client asks for; the channel is its standard input and output. */
  onCommand(login: Login, line: string, channel: ServerChannel): Promise<void>
}

/**
 * Speaks SSH on one connection that came in. A server of its own for each, so that an idle machine costs
 * nothing and a rotated host key holds from the next connection on.
 */
export function serveSsh(socket: Duplex, host: SshHost): void {
  const server = new Server({ hostKeys: [host.hostPrivateKey] }, (client) => {
    let login: Login | undefined
    client.on('authentication', (context) => {
      const known = authenticate(context, host)
      if (known) login = known
    })
    client.on('session', (accept) => {
      accept().on('exec', (acceptExec, _reject, { command }) => {
        if (login) answer(host, login, command, acceptExec(), client)
      })
    })
    // Broken connections are the simulator's daily bread.
    client.on('error', () => undefined)
  })
  server.injectSocket(socket as Parameters<Server['injectSocket']>[0])
}

function authenticate(context: AuthContext, host: SshHost): Login | undefined {
  if (context.method !== 'publickey') {
    context.reject(['publickey'])
    return undefined
  }
  const { username, key } = context
  const login = host.logins.find((entry) => entry.user === username && sameBytes(blobOf(entry), key.data))
  const proven = login !== undefined && verified(login, context)
  host.onAuthentication(proven)
  if (proven) context.accept()
  else context.reject(['publickey'])
  return proven ? login : undefined
}

/** A question whether a key would do carries no signature and is answered with yes. */
function verified(login: Login, context: Extract<AuthContext, { method: 'publickey' }>): boolean {
  if (!context.signature || !context.blob) return true
  const key = utils.parseKey(login.publicKey)
  if (key instanceof Error) return false
  return key.verify(context.blob, context.signature, context.hashAlgo) === true
}

function answer(host: SshHost, login: Login, line: string, channel: ServerChannel, client: Connection): void {
  channel.on('error', () => undefined)
  host.onCommand(login, line, channel).catch(() => client.end())
}

function blobOf(login: Login): Buffer {
  return Buffer.from(login.publicKey.split(' ')[1] ?? '', 'base64')
}

function sameBytes(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other)
}
