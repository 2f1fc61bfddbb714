import type { Duplex } from 'node:stream'
import { ReplyLost } from '../faults'
import { awake, execute, type MachineContext, meetFault } from './exec'
import { type Machine, sshListens } from './machine'
import { serveSsh } from './sshd'
import { visit } from './visit'

/** Something that a machine saw from outside. */
export type MachineEvent = {
  serverId: string
  kind: 'connection' | 'authentication' | 'command' | 'http'
  detail: string
}

/** Where addresses and names lead to now. */
type Addresses = {
  machineAt: (ipv4: string) => Machine | undefined
  /** The address that a host name has in the simulated DNS. */
  resolve: (hostname: string) => string | undefined
}

/** What the outside finds at the machines' addresses: an sshd, and a web server. */
export class Doors {
  private readonly observers = new Set<(event: MachineEvent) => void>()

  constructor(
    private readonly context: MachineContext,
    private readonly addresses: Addresses,
  ) {}

  /** Calls `observer` with what machines see from now on; the returned function ends it. */
  observe(observer: (event: MachineEvent) => void): () => void {
    this.observers.add(observer)
    return () => this.observers.delete(observer)
  }

  /** Knocks at a machine's SSH port: `open` when sshd takes the connection. Hangs as long as the machine does. */
  async knock(ipv4: string, signal: AbortSignal): Promise<'open' | 'refused'> {
    const machine = this.addresses.machineAt(ipv4)
    if (!machine || machine.power === 'off') return 'refused'
    const fault = await meetFault('connect', this.context, signal)
    await awake(machine.id, this.context)
    const now = this.addresses.machineAt(ipv4)
    if (fault?.kind === 'refuse' || !now || !sshListens(now, this.context.world.now())) return 'refused'
    if (fault?.kind === 'lose_reply') throw new ReplyLost()
    return 'open'
  }

  /** Hands a connection to a machine's sshd. */
  acceptSsh(ipv4: string, socket: Duplex): void {
    const machine = this.addresses.machineAt(ipv4)
    if (!machine) {
      socket.destroy()
      return
    }
    this.context.live.add(machine.id, socket)
    this.tell(machine.id, 'connection', '')
    serveSsh(socket, {
      hostPrivateKey: machine.hostKey.privateKey,
      logins: machine.logins,
      onAuthentication: (accepted) =>
        this.tell(machine.id, 'authentication', accepted ? 'accepted' : 'refused'),
      onCommand: (login, line, channel) => {
        this.tell(machine.id, 'command', line)
        return execute({ machineId: machine.id, login, line, channel, socket }, this.context)
      },
    })
  }

  /** Asks a machine's web server; throws ReplyLost where the connection must break. */
  async answerHttp(ipv4: string, request: Request): Promise<Response | 'refused'> {
    const found = this.addresses.machineAt(ipv4)
    if (!found || found.power === 'off') return 'refused'
    const fault = await meetFault('http', this.context, request.signal)
    await awake(found.id, this.context)
    const machine = this.addresses.machineAt(ipv4)
    if (!machine || machine.power === 'off' || this.context.world.now() < machine.sshUpAt) return 'refused'
    this.tell(machine.id, 'http', `${request.method} ${new URL(request.url).pathname}`)
    if (fault?.kind === 'refuse') return new Response('Bad gateway\n', { status: fault.status ?? 502 })
    const { resolve } = this.addresses
    const answer = await visit(machine, request, { world: this.context.world, resolve })
    if (fault?.kind === 'lose_reply' && answer !== 'refused') throw new ReplyLost()
    return answer
  }

  private tell(serverId: string, kind: MachineEvent['kind'], detail: string): void {
    for (const observer of this.observers) observer({ serverId, kind, detail })
  }
}
