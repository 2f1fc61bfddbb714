import { Database } from 'bun:sqlite'
import type { Duplex } from 'node:stream'
import { sleep } from '../clock'
import { Db } from '../db/open'
import { unavailable } from '../errors'
import { allRecipes } from '../lifecycle/recipes'
import type { Recipe } from '../runs/recipe'
import type { Services } from '../services'
import { ReplyLost } from '../simulator/faults'
import type { Machine } from '../simulator/machines/machine'
import { type Clouds, makeClouds } from '../simulator/simulator'
import type { Exchange } from '../simulator/twin'
import { World } from '../simulator/world'
import { cable } from './cable'
import { chanceFrom } from './chance'
import { Fate, silence } from './fate'
import { change, Life } from './life'
import { Rounds } from './rounds'
import { enterSandbox, orAborted } from './sandbox'
import { cloudsOf, prepare, type Shop, STORAGE_HOST } from './shop'
import type { Story } from './story'
import { StoryTime } from './time'
import { Trace } from './trace'
import { Watch } from './watch'
import { Weather } from './weather'
import { receiveWebhook } from './webhook'

/** Everything that a story left behind, from which another can go on. */
export type Snapshot = { atMs: number; control: Uint8Array; clouds: Uint8Array }

export type LandOptions = {
  story: Pick<Story, 'seed' | 'deaths' | 'weather' | 'outages'>
  from?: Snapshot
  /** What Atlas is changed to: a control that must fail, or one with a provider in the way. */
  change?: (services: Services) => Services
  /** The recipes of the life with this number, when they are not Atlas's own. */
  recipes?: (services: Services, life: number) => readonly Recipe[] | undefined
  /** How much faster than real ones the clouds are. */
  speed?: number
}

/** The clouds are this much faster than real ones: what is waited for is looked at a few times and not fifty. */
const CLOUD_SPEED = 20
const RESTART_MS = 700
const MINUTE_MS = 60_000
/** Where nothing is going on, time goes forward in strides, as for a machine that sleeps between them. */
const CALM_MS = 20_000
const STRIDE_MS = 6 * 60 * MINUTE_MS

/**
 * A control database, simulated clouds and one Atlas after the other, in this process and in simulated time. The
 * clients and SDKs are the real ones; only sockets are missing between them and the clouds.
 */
export class Land {
  readonly time: StoryTime
  readonly clouds: Clouds
  readonly db: Db
  readonly trace: Trace
  readonly watch: Watch
  readonly weather: Weather
  readonly lives: Life[] = []
  /** How many audit events there were when Atlas last said yes. */
  promised = 0
  private readonly leave: () => void
  private readonly deaths: (number | string)[]
  private readonly chance: () => number
  private readonly awaited = new Set<number>()
  private rounds?: Rounds

  constructor(
    private readonly shop: Shop,
    private readonly options: LandOptions,
  ) {
    const { story, from, speed = CLOUD_SPEED } = options
    this.time = new StoryTime(from?.atMs)
    this.chance = chanceFrom(story.seed)
    this.deaths = [...story.deaths]
    this.trace = new Trace(this.time.now())
    this.weather = new Weather(story, this.time.now())
    const world = new World({
      clock: this.time,
      speed,
      seed: story.seed,
      snapshot: from?.clouds,
    })
    this.leave = enterSandbox(this.time, (request, init) => this.send(request, init))
    this.clouds = makeClouds(world, cloudsOf(this.insides()))
    this.clouds.front.observe((exchange) => this.note(exchange))
    this.db = new Db(prepare(Database.deserialize(from?.control ?? shop.newDatabase())))
    this.watch = new Watch(this.db, this.clouds)
  }

  /** The process that is running, or has just died. */
  get life(): Life {
    return this.lives.at(-1) ?? this.begin()
  }

  tell(text: string): void {
    this.trace.tell(this.time.now(), text)
  }

  /** What a person does who waits; time does not stride past the moment. */
  async pause(ms: number): Promise<void> {
    const until = this.time.now() + ms
    this.awaited.add(until)
    await sleep(this.time, ms)
    this.awaited.delete(until)
  }

  /** Lets time go on until a moment has come, or `isDone` says so whenever nothing is under way. */
  async go(untilMs: number, isDone: () => boolean = () => false): Promise<void> {
    for (;;) {
      await this.time.quiet()
      if (this.life.fate.isDead) {
        await this.restart()
        continue
      }
      this.watch.look()
      if (isDone()) return
      // What was decided just now may already be at work.
      if (!this.time.isQuiet) continue
      if (this.time.now() >= untilMs) return
      this.time.goTo(Math.min(this.nextMoment(), untilMs))
      this.rounds?.make()
      this.watch.lookAtMoney()
    }
  }

  /** The clock goes forward by itself. */
  jump(ms: number): void {
    this.tell(`the clock jumps by ${Math.round(ms / MINUTE_MS)} minutes`)
    this.time.goTo(this.time.now() + ms)
  }

  /** Somebody was told yes: what Atlas wrote down for it stays. */
  promise(events: number): void {
    this.promised = Math.max(this.promised, events)
  }

  /** No process dies any more, and nothing goes wrong. */
  calm(): void {
    this.deaths.length = 0
    this.life.fate.deathAt = undefined
    this.weather.end()
  }

  snapshot(): Snapshot {
    const control = this.db.sqlite.serialize()
    return { atMs: this.time.now(), control, clouds: this.clouds.world.snapshot() }
  }

  close(): void {
    this.lives.at(-1)?.bury()
    this.clouds.stop()
    this.db.close()
    this.leave()
  }

  private nextMoment(): number {
    const nowMs = this.time.now()
    const alarm = this.time.nextAt() ?? Number.POSITIVE_INFINITY
    const round = this.rounds?.nextAt ?? Number.POSITIVE_INFINITY
    const due = this.nextDue()
    if (due > nowMs + CALM_MS) return Math.min(due, nowMs + STRIDE_MS)
    return Math.min(alarm, Math.max(round, nowMs))
  }

  /** When anything has to be done that is not done again and again anyway. */
  private nextDue(): number {
    const { at } = this.db.sqlite
      .query(
        `SELECT min(at) AS at FROM (
           SELECT available_at AS at FROM runs WHERE status IN ('queued', 'waiting')
           UNION ALL SELECT 0 FROM runs WHERE status = 'running'
           UNION ALL SELECT available_at FROM outbox WHERE status = 'queued'
           UNION ALL SELECT available_at FROM inbox WHERE status = 'received')`,
      )
      .get() as { at: number | null }
    const webhook = this.clouds.stripe.nextWebhookAt() ?? Number.POSITIVE_INFINITY
    return Math.min(at ?? Number.POSITIVE_INFINITY, webhook, ...this.awaited)
  }

  private begin(): Life {
    const number = this.lives.length + 1
    this.tell(number === 1 ? 'Atlas starts' : 'Atlas starts again')
    const life = new Life({
      shop: this.shop,
      time: this.time,
      sqlite: this.db.sqlite,
      host: `life-${number}.internal`,
      fate: new Fate(this.deaths.shift(), (moment) => this.tell(`Atlas dies: ${moment}`)),
      chance: this.chance,
      dial: (address, signal) => this.dial(address, signal),
      beforeCommand: ({ verb, commandId }) => this.beforeCommand(verb, commandId),
      change: this.options.change,
      recipes: (services) => this.options.recipes?.(services, number) ?? allRecipes(services),
    })
    this.lives.push(life)
    this.rounds = life.services && new Rounds(life.services, life.fate, this.time)
    return life
  }

  private async restart(): Promise<void> {
    this.life.bury()
    this.rounds = undefined
    const upAt = this.time.now() + RESTART_MS
    for (;;) {
      await this.time.quiet()
      const next = this.time.nextAt()
      if (next === undefined || next > upAt) break
      this.time.goTo(next)
    }
    this.time.goTo(upAt)
    this.begin()
  }

  /** A request of one of the lives to the clouds, or through the gateway to a machine. */
  private async send(request: Request, init: RequestInit): Promise<Response> {
    const proxy = proxyOf(init)
    const { hostname } = new URL(proxy ?? request.url)
    if (hostname === STORAGE_HOST) return this.ask(request)
    const life = this.lives.find(({ host }) => host === hostname)
    if (!life) throw new Error(`Nobody in this story is called ${hostname}.`)
    if (life.fate.isDead) return silence()
    if (proxy) return this.visit(request, init)
    if (request.method === 'GET') return this.ask(request)
    const twin = this.clouds.front.twinOf(request)
    return change(life.fate, `${twin?.name} ${twin?.verbOf(request)}`, () => this.ask(request))
  }

  private async ask(request: Request): Promise<Response> {
    const twin = this.clouds.front.twinOf(request)
    const asked = { provider: twin?.name ?? '', verb: twin?.verbOf(request) ?? '' }
    if (this.weather.keepsFrom(asked, this.clouds)) throw unreachable()
    return this.clouds.front.exchange(request).catch(asBroken)
  }

  /** What the gateway does for a probe: the address says which machine, the Host header which of its sites. */
  private async visit(request: Request, init: RequestInit): Promise<Response> {
    const { hostname, pathname, search } = new URL(request.url)
    const host = new Headers(init.headers).get('host') ?? hostname
    const asked = new Request(`http://${host}${pathname}${search}`, { signal: request.signal })
    const answer = await this.clouds.machines.answerHttp(hostname, asked).catch(asBroken)
    if (answer !== 'refused') return answer
    return new Response(null, {
      status: 502,
      headers: { 'Proxy-Status': 'gateway; error=connection_refused' },
    })
  }

  private async dial(address: string, signal: AbortSignal): Promise<Duplex> {
    const { machines } = this.clouds
    const isOut = this.weather.keepsFrom({ provider: 'machine', verb: 'connect' }, this.clouds)
    const answer = isOut
      ? 'refused'
      : await orAborted(machines.knock(address, signal), signal).catch(() => 'refused')
    if (answer === 'refused')
      throw unavailable('The server cannot be reached over SSH.', { outcome: 'refused' })
    const [ours, theirs] = cable()
    machines.acceptSsh(address, theirs)
    return ours
  }

  private beforeCommand(verb: string, commandId: string): void {
    const machines = this.clouds.world.table<Machine>('machines').all()
    const isRepeated = machines.some(({ commands }) => commands.some(({ id }) => id === commandId))
    this.weather.keepsFrom({ provider: 'machine', verb, isRepeated }, this.clouds)
  }

  /** What the clouds do in this process that they would do over the network. */
  private insides() {
    return {
      deliver: (_url: string, init: RequestInit) => this.time.during(this.deliver(init)),
      outside: {
        fetch: (request: Request) => this.clouds.front.exchange(request).catch(asBroken),
        during: <T>(work: Promise<T>) => this.time.during(work),
      },
    }
  }

  private async deliver(init: RequestInit): Promise<Response> {
    const { services, fate } = this.life
    if (fate.isDead || !services) throw unreachable()
    const answer = await Promise.race([receiveWebhook(services, init), fate.death.promise])
    if (!answer || fate.isDead) throw unreachable()
    return answer
  }

  private note({ provider, verb, path, status }: Exchange): void {
    this.tell(`${provider} ${verb} -> ${status || 'no answer'}`)
    if (verb === 'DELETE /servers/{id}') this.watch.lookAtMachine(path.split('/').at(-1) ?? '')
    this.watch.look()
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
