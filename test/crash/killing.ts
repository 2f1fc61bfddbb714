import { eq } from 'drizzle-orm'
import { openDataBeside } from '../../src/atlas/data-dir'
import { liveStory } from '../../src/cli/story'
import type { Customer } from '../../src/cli/story/scene'
import { checkStory } from '../../src/cli/story-check'
import { SystemClock } from '../../src/clock'
import { chanceFrom } from '../../src/crashtest/chance'
import type { Db } from '../../src/db/open'
import { inbox, rateLimits } from '../../src/db/schema'
import { leftovers, readClouds, unfinished } from './leftovers'
import { phaseOf } from './phase'
import { AtlasProcess, CloudsProcess, FROM_SOURCE } from './processes'
import { KEPT, Webhooks } from './webhooks'

const CLOUD_SPEED = 25
const DELAY_MAX_MS = 1_500
/** The share of kills that do not wait until Atlas answers again. */
const BLIND_SHARE = 0.2
const POUNCE_MAX_MS = 150
/** The share of the story's parts that are followed by a kill at once; a payment always is. */
const POUNCE_SHARE = 0.3

export type KillingOptions = {
  kills: number
  seed: number
  /** What is killed: from source, or a binary. */
  program?: readonly string[]
  /** Called after each kill, with how many there have been. */
  onKill?: (count: number) => void
}

/** Story after story, and `kill -9` of Atlas at random moments until there have been enough. */
export class Killing {
  readonly customers: Customer[] = []
  /** Where the story stood at each kill. */
  readonly hits: string[] = []
  private readonly clock = new SystemClock()
  private readonly chance: () => number
  private pounce = Promise.withResolvers<void>()
  private isOver = false

  private constructor(
    private readonly options: KillingOptions,
    readonly clouds: CloudsProcess,
    readonly atlas: AtlasProcess,
    readonly db: Db,
    readonly webhooks: Webhooks,
  ) {
    this.chance = chanceFrom(options.seed)
  }

  /** Resolves when the last story that was begun has come to its end. */
  static async done(options: KillingOptions): Promise<Killing> {
    const clouds = await CloudsProcess.start(CLOUD_SPEED)
    const atlas = new AtlasProcess(clouds.environment, clouds.dir, options.program ?? FROM_SOURCE)
    await atlas.up()
    const db = openDataBeside(clouds.dir)
    const secret = clouds.environment.STRIPE_WEBHOOK_SECRET ?? ''
    const webhooks = new Webhooks(`http://127.0.0.1:${clouds.ports.atlas}`, secret)
    const killing = new Killing(options, clouds, atlas, db, webhooks)
    const stories = killing.liveStories()
    await Promise.race([stories, killing.killAgainAndAgain().then(() => stories)])
    await webhooks.close()
    return killing
  }

  async end(): Promise<void> {
    this.isOver = true
    this.db.close()
    await this.atlas.end()
    await this.clouds.end()
  }

  /** Whatever is not exactly once, is left over, unfinished or was logged as an error; empty when all is well. */
  async problems(): Promise<string[]> {
    const { db, clouds, customers, atlas } = this
    const stories = await Promise.all(customers.map((customer) => checkStory(db, clouds.url, customer)))
    return [
      ...stories.flat(),
      ...leftovers(db, await readClouds(clouds.url)),
      ...unfinished(db),
      ...atlas.complaints(),
    ]
  }

  /** Webhooks that were acknowledged and are not there. */
  forgotten(): string[] {
    const kept = this.db.read.select().from(inbox).where(eq(inbox.type, KEPT)).all()
    const ids = new Set(kept.map(({ eventId }) => eventId))
    return this.webhooks.acknowledged.filter((id) => !ids.has(id))
  }

  /** What SQLite says of the file: `ok` when it is whole. */
  integrity(): string {
    const rows = this.db.sqlite.query('PRAGMA integrity_check').all() as { integrity_check: string }[]
    const broken = this.db.sqlite.query('PRAGMA foreign_key_check').all()
    return broken.length > 0 ? 'broken keys' : rows.map((row) => row.integrity_check).join(', ')
  }

  private async liveStories(): Promise<void> {
    while (this.hits.length < this.options.kills) {
      const subdomain = `ada-${this.customers.length + 1}`
      const customer = { subdomain, email: `${subdomain}@example.com`, plan: 'starter' }
      this.customers.push(customer)
      await liveStory(this.scene(), customer)
    }
  }

  private scene() {
    return {
      ...this.clouds.places,
      clock: this.clock,
      // What is short is seldom hit by chance alone, such as the time between payment and approval.
      tell: (part: string) => (part === 'paid' || this.chance() < POUNCE_SHARE) && this.pounce.resolve(),
    }
  }

  private async killAgainAndAgain(): Promise<void> {
    while (this.hits.length < this.options.kills && !this.isOver) {
      if (this.chance() > BLIND_SHARE) await this.atlas.up()
      const pounced = this.pounce.promise.then(() => Bun.sleep(this.chance() * POUNCE_MAX_MS))
      await Promise.race([Bun.sleep(this.chance() * DELAY_MAX_MS), pounced])
      this.pounce = Promise.withResolvers()
      await this.atlas.kill(() => this.lookAtTheDead())
    }
  }

  private lookAtTheDead(): void {
    const customer = this.customers.at(-1)
    this.hits.push(customer ? phaseOf(this.db, customer) : 'before the first story')
    this.options.onKill?.(this.hits.length)
    // Limits on tries outlive a kill, as they should; here they would only keep the stories waiting.
    this.db.write((tx) => tx.delete(rateLimits).run())
  }
}
