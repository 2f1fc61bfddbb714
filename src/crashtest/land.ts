import { Db } from '../db/open'
import { allRecipes } from '../lifecycle/recipes'
import type { Recipe } from '../runs/recipe'
import type { Services } from '../services'
import type { Machine } from '../simulator/machines/machine'
import { type Clouds, makeClouds } from '../simulator/simulator'
import type { Snapshot as WorldSnapshot } from '../simulator/store'
import type { Exchange } from '../simulator/twin'
import { World } from '../simulator/world'
import { chanceFrom } from './chance'
import { Diary } from './diary'
import { liveTenants } from './end'
import { Fate } from './fate'
import { Life } from './life'
import { Network } from './network'
import { MINUTE_MS, Pace } from './pace'
import { Past } from './past'
import { Rounds } from './rounds'
import { enterSandbox } from './sandbox'
import { cloudsOf, type Shop, TENANT_DOMAIN } from './shop'
import type { Story } from './story'
import type { Copy } from './tables'
import { StoryTime } from './time'
import { Trace } from './trace'
import { Watch } from './watch'
import { Weather } from './weather'
import { countChanges, hasFindings } from './work'

/** Everything that a story left behind, from which another can go on. */
export type Snapshot = { atMs: number; control: Copy; clouds: WorldSnapshot }

export type LandOptions = {
  story: Pick<Story, 'seed' | 'deaths' | 'weather' | 'outages'> & Partial<Pick<Story, 'customers'>>
  from?: Snapshot
  /** What Atlas is changed to: a control that must fail, or one with a provider in the way. */
  change?: (services: Services) => Services
  /** The recipes of the life with this number, when they are not Atlas's own. */
  recipes?: (services: Services, life: number) => readonly Recipe[] | undefined
  /** How much faster than real ones the clouds are. */
  speed?: number
  /** The process that takes the place of the first dead one starts with a database that is so much older. */
  forgetsMs?: number
}

/** The clouds are this much faster than real ones: what is waited for is looked at a few times and not fifty. */
const CLOUD_SPEED = 60
const RESTART_MS = 700

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
  readonly diary: Diary
  readonly lives: Life[] = []
  /** Tenants that went live before Atlas's database was put back to an older one. */
  readonly wentLive = new Set<string>()
  /** How many audit events there were when Atlas last said yes. */
  promised = 0
  private readonly network: Network
  private readonly leave: () => void
  private readonly deaths: (number | string)[]
  private readonly chance: () => number
  private readonly pace: Pace
  private readonly past = new Past()
  private rounds?: Rounds
  private hasJumped = false

  constructor(
    readonly shop: Shop,
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
    this.network = new Network({
      time: this.time,
      weather: this.weather,
      clouds: () => this.clouds,
      life: () => this.life,
      lifeAt: (host) => this.lives.find((life) => life.host === host),
    })
    this.leave = enterSandbox(this.time, chanceFrom(story.seed + 1), (request, init) =>
      this.network.send(request, init),
    )
    this.clouds = makeClouds(world, cloudsOf(this.network.insides()))
    this.clouds.front.isBrief = true
    this.clouds.front.observe((exchange) => this.note(exchange))
    shop.tables.fill(from?.control ?? shop.empty)
    this.db = new Db(shop.tables.sqlite)
    this.watch = new Watch(this.db, this.clouds)
    this.pace = new Pace({ time: this.time, tables: shop.tables, clouds: this.clouds, watch: this.watch })
    this.diary = new Diary(this.clouds, this.db.read)
  }

  /** The process that is running, or has just died. */
  get life(): Life {
    return this.lives.at(-1) ?? this.begin()
  }

  tell(text: string): void {
    this.trace.tell(this.time.now(), text)
  }

  /** Whether nobody is working on anything and no mail or event waits for its turn. */
  get isAtRest(): boolean {
    return this.pace.isAtRest
  }

  /** How often Atlas has changed anything outside itself, or begun to. */
  get changes(): number {
    return countChanges(this.shop.tables)
  }

  /** Whether the hourly look has found something that is still there. */
  get hasFindings(): boolean {
    return hasFindings(this.shop.tables)
  }

  /** What a person does who waits; time does not stride past the moment. */
  pause(ms: number): Promise<void> {
    return this.pace.pause(ms)
  }

  /** Whether nothing but Atlas itself goes wrong. */
  get isCalm(): boolean {
    const { story, forgetsMs } = this.options
    const acts = story.customers?.flatMap((customer) => customer.acts) ?? []
    if (acts.some(({ kind }) => kind === 'server freezes')) return false
    return this.weather.strikes.length + story.outages.length === 0 && !forgetsMs && !this.hasJumped
  }

  /** A customer leaves a note in their app, if it serves them now. */
  write(name: string): Promise<void> {
    return this.time.during(this.diary.write(`${name}.${TENANT_DOMAIN}`))
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
      this.watch.lookAtMoney()
      if (isDone()) return
      // What was decided just now may already be at work.
      if (!this.time.isQuiet) continue
      if (this.time.now() >= untilMs) return
      if (this.options.forgetsMs) this.past.remember(this.time.now(), this.shop.tables.copy())
      this.time.goTo(Math.min(this.pace.next(this.rounds?.nextAt ?? Number.POSITIVE_INFINITY), untilMs))
      this.rounds?.make()
    }
  }

  /** The clock goes forward by itself. */
  jump(ms: number): void {
    this.hasJumped = true
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
    for (const { id, paused } of this.clouds.world.table<Machine>('machines').all())
      if (paused) this.clouds.machines.resume(id)
  }

  snapshot(): Snapshot {
    const control = this.shop.tables.copy()
    return { atMs: this.time.now(), control, clouds: this.clouds.world.snapshot() }
  }

  async close(): Promise<void> {
    this.lives.at(-1)?.bury()
    // What a dead process still does must not reach into the next story.
    await this.time.quiet()
    this.clouds.stop()
    this.leave()
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
      dial: (address, signal) => this.network.dial(address, signal),
      beforeCommand: ({ verb, commandId }) => this.network.beforeCommand(verb, commandId),
      change: this.options.change,
      recipes: (services) => this.options.recipes?.(services, number) ?? allRecipes(services),
    })
    this.lives.push(life)
    this.rounds = life.services && new Rounds(life.services, life.fate, this.time)
    return life
  }

  /** The disk is gone, and the latest copy of the database is not the latest state of things. */
  private forget(): void {
    const { forgetsMs } = this.options
    if (!forgetsMs || this.lives.length > 1) return
    const copy = this.past.asOf(this.time.now() - RESTART_MS - forgetsMs)
    if (!copy) return
    for (const { id } of liveTenants(this.db.read)) this.wentLive.add(id)
    this.shop.tables.fill(copy)
    this.promised = 0
    this.tell(`Atlas’s database is ${forgetsMs / 1_000} s older than the clouds`)
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
    this.forget()
    this.begin()
  }

  private note({ provider, verb, path, status }: Exchange): void {
    this.tell(`${provider} ${verb} -> ${status || 'no answer'}`)
    if (verb === 'DELETE /servers/{id}') this.watch.lookAtMachine(path.split('/').at(-1) ?? '')
    this.watch.look()
  }
}
