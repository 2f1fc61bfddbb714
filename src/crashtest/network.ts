import type { Duplex } from 'node:stream'
import { unavailable } from '../errors'
import { ReplyLost } from '../simulator/faults'
import type { Machine } from '../simulator/machines/machine'
import type { Clouds } from '../simulator/simulator'
import { cable } from './cable'
import { silence } from './fate'
import { change, type Life } from './life'
import { orAborted } from './sandbox'
import { STORAGE_HOST } from './shop'
import type { StoryTime } from './time'
import type { Weather } from './weather'
import { receiveWebhook } from './webhook'

/** Who talks to whom in a story. */
export type Ends = {
  time: StoryTime
  weather: Weather
  clouds(): Clouds
  /** The process that is running, or has just died. */
  life(): Life
  lifeAt(host: string): Life | undefined
}

/** What is between Atlas, the clouds and the machines: in place of sockets, and as unreliable. */
export class Network {
  constructor(private readonly ends: Ends) {}

  /** A request of one of the lives to the clouds, or through the gateway to a machine. */
  async send(request: Request, init: RequestInit): Promise<Response> {
    const proxy = proxyOf(init)
    const { hostname } = new URL(proxy ?? request.url)
    if (hostname === STORAGE_HOST) return this.ask(request)
    const life = this.ends.lifeAt(hostname)
    if (!life) throw new Error(`Nobody in this story is called ${hostname}.`)
    if (life.fate.isDead) return silence()
    if (proxy) return this.visit(request, init)
    if (request.method === 'GET') return this.ask(request)
    const twin = this.clouds.front.twinOf(request)
    return change(life.fate, `${twin?.name} ${twin?.verbOf(request)}`, () => this.ask(request))
  }

  /** A connection to a machine's sshd. Throws `unavailable` where nobody listens. */
  async dial(address: string, signal: AbortSignal): Promise<Duplex> {
    const { doors } = this.clouds.machines
    const isOut = this.ends.weather.keepsFrom({ provider: 'machine', verb: 'connect' }, this.clouds)
    const answer = isOut
      ? 'refused'
      : await orAborted(doors.knock(address, signal), signal).catch(() => 'refused')
    if (answer === 'refused')
      throw unavailable('The server cannot be reached over SSH.', { outcome: 'refused' })
    const [ours, theirs] = cable()
    doors.acceptSsh(address, theirs)
    return ours
  }

  /** What may go wrong with a command is decided before it is sent. */
  beforeCommand(verb: string, commandId: string): void {
    const machines = this.clouds.world.table<Machine>('machines').all()
    const isRepeated = machines.some(({ commands }) => commands.some(({ id }) => id === commandId))
    this.ends.weather.keepsFrom({ provider: 'machine', verb, isRepeated }, this.clouds)
  }

  /** What the clouds do in this process that they would do over the network. */
  insides() {
    const { time } = this.ends
    return {
      deliver: (_url: string, init: RequestInit) => time.during(this.deliver(init)),
      outside: {
        fetch: (request: Request) => this.clouds.front.exchange(request).catch(asBroken),
        during: <T>(work: Promise<T>) => time.during(work),
      },
    }
  }

  private get clouds(): Clouds {
    return this.ends.clouds()
  }

  private async ask(request: Request): Promise<Response> {
    const twin = this.clouds.front.twinOf(request)
    const asked = { provider: twin?.name ?? '', verb: twin?.verbOf(request) ?? '' }
    if (this.ends.weather.keepsFrom(asked, this.clouds)) throw unreachable()
    return this.clouds.front.exchange(request).catch(asBroken)
  }

  /** What the gateway does for a probe: the address says which machine, the Host header which of its sites. */
  private async visit(request: Request, init: RequestInit): Promise<Response> {
    const { hostname, pathname, search } = new URL(request.url)
    const host = new Headers(init.headers).get('host') ?? hostname
    const asked = new Request(`http://${host}${pathname}${search}`, { signal: request.signal })
    const answer = await this.clouds.machines.doors.answerHttp(hostname, asked).catch(asBroken)
    if (answer !== 'refused') return answer
    const headers = { 'Proxy-Status': 'gateway; error=connection_refused' }
    return new Response(null, { status: 502, headers })
  }

  private async deliver(init: RequestInit): Promise<Response> {
    const { services, fate } = this.ends.life()
    if (fate.isDead || !services) throw unreachable()
    const answer = await Promise.race([receiveWebhook(services, init), fate.death.promise])
    if (!answer || fate.isDead) throw unreachable()
    return answer
  }
}

function proxyOf({ proxy }: RequestInit & { proxy?: unknown }): string | undefined {
  if (typeof proxy === 'string') return proxy
  return typeof proxy === 'object' && proxy !== null && 'url' in proxy ? String(proxy.url) : undefined
}

/** A lost reply as Bun's `fetch` tells it. */
function asBroken(thrown: unknown): never {
  if (!(thrown instanceof ReplyLost)) throw thrown
  throw Object.assign(new Error('The socket connection was closed unexpectedly.'), { code: 'ECONNRESET' })
}

function unreachable(): Error {
  return Object.assign(new Error('Unable to connect. Is the computer able to access the url?'), {
    code: 'ConnectionRefused',
  })
}
