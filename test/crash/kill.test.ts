import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { openDataBeside } from '../../src/atlas'
import { liveStory } from '../../src/cli/story'
import type { Customer } from '../../src/cli/story/scene'
import { checkStory } from '../../src/cli/story-check'
import { SystemClock } from '../../src/clock'
import type { Db } from '../../src/db/open'
import { inbox, rateLimits } from '../../src/db/schema'
import { chanceFrom } from './chance'
import { Diary } from './diary'
import { startMirror } from './double'
import { leftovers, readClouds, unfinished } from './leftovers'
import { phaseOf } from './phase'
import { AtlasProcess, CloudsProcess } from './processes'

const KILLS = 50
const CLOUD_SPEED = 25
const DELAY_MAX_MS = 1_500
/** The share of kills that do not wait until Atlas answers again. */
const BLIND_SHARE = 0.2
const POUNCE_MAX_MS = 150
/** The share of the story's parts that are followed by a kill at once; a payment always is. */
const POUNCE_SHARE = 0.3
const PHASES_MIN = 8
const TIMEOUT_MS = 170_000

// CRASH_SEED=... brings the same kills again, as far as the machine does.
const seed = Number(process.env.CRASH_SEED ?? 20_261_122)

describe(`kill -9 at ${KILLS} random moments (CRASH_SEED=${seed})`, () => {
  const chance = chanceFrom(seed)
  const clock = new SystemClock()
  const customers: Customer[] = []
  /** Where the story stood at each kill. */
  const hits: string[] = []
  let clouds: CloudsProcess
  let atlas: AtlasProcess
  let db: Db
  let diary: Diary
  let isOver = false
  let pounce = Promise.withResolvers<void>()

  beforeAll(async () => {
    clouds = await CloudsProcess.start(CLOUD_SPEED)
    atlas = new AtlasProcess(clouds.environment, clouds.dir)
    await atlas.up()
    db = openDataBeside(clouds.dir)
    diary = new Diary(
      `http://127.0.0.1:${clouds.ports.atlas}`,
      clouds.environment.STRIPE_WEBHOOK_SECRET ?? '',
    )
    const stories = liveStories()
    await Promise.race([stories, killAgainAndAgain().then(() => stories)])
    await diary.close()
  }, TIMEOUT_MS)

  afterAll(async () => {
    isOver = true
    db?.close()
    await atlas?.end()
    await clouds?.end()
  })

  async function liveStories(): Promise<void> {
    while (hits.length < KILLS) {
      const subdomain = `ada-${customers.length + 1}`
      const customer = { subdomain, email: `${subdomain}@example.com`, plan: 'starter' }
      customers.push(customer)
      await liveStory(scene(), customer)
    }
  }

  function scene() {
    return {
      atlas: clouds.environment.BASE_URL ?? '',
      clouds: clouds.url,
      tenants: `http://127.0.0.1:${clouds.ports.tenants}`,
      adminEmail: clouds.environment.ADMIN_EMAIL ?? '',
      clock,
      // What is short is seldom hit by chance alone, such as the time between payment and approval.
      tell: (part: string) => (part === 'paid' || chance() < POUNCE_SHARE) && pounce.resolve(),
    }
  }

  async function killAgainAndAgain(): Promise<void> {
    while (hits.length < KILLS && !isOver) {
      if (chance() > BLIND_SHARE) await atlas.up()
      const pounced = pounce.promise.then(() => Bun.sleep(chance() * POUNCE_MAX_MS))
      await Promise.race([Bun.sleep(chance() * DELAY_MAX_MS), pounced])
      pounce = Promise.withResolvers()
      await atlas.kill(lookAtTheDead)
    }
  }

  function lookAtTheDead(): void {
    const customer = customers.at(-1)
    hits.push(customer ? phaseOf(db, customer) : 'before the first story')
    // Limits on tries outlive a kill, as they should; here they would only keep the stories waiting.
    db.write((tx) => tx.delete(rateLimits).run())
  }

  test('every story ends with exactly one server, record, subscription and welcome mail', async () => {
    const problems = await Promise.all(customers.map((customer) => checkStory(db, clouds.url, customer)))
    expect(problems.flat()).toEqual([])
    expect(hits).toHaveLength(KILLS)
  })

  test('nothing is left over in the clouds, nothing is unfinished here', async () => {
    expect(leftovers(db, await readClouds(clouds.url))).toEqual([])
    expect(unfinished(db)).toEqual([])
    expect(atlas.complaints()).toEqual([])
  })

  test('both checks notice a cloud that holds everything twice', async () => {
    const twice = await startMirror(clouds.url)
    try {
      const [customer] = customers
      const problems = await checkStory(db, twice.url, customer!)
      expect(problems).toEqual([
        'Hetzner has 2 servers instead of one',
        'Route 53 has 2 records instead of one',
        'Stripe has 2 subscriptions instead of one',
        '2 welcome mails were accepted instead of one',
      ])
      expect(leftovers(db, await readClouds(twice.url)).length).toBeGreaterThanOrEqual(3 * customers.length)
    } finally {
      await twice.stop()
    }
  })

  test('every webhook that was acknowledged is there, once', () => {
    const kept = db.read.select().from(inbox).where(eq(inbox.type, 'diary.entry')).all()
    const ids = new Set(kept.map(({ eventId }) => eventId))
    expect(diary.acknowledged.filter((id) => !ids.has(id))).toEqual([])
    expect(diary.acknowledged.length).toBeGreaterThan(KILLS)
  })

  test('the database is whole', () => {
    expect(db.sqlite.query('PRAGMA integrity_check').all()).toEqual([{ integrity_check: 'ok' }])
    expect(db.sqlite.query('PRAGMA foreign_key_check').all()).toEqual([])
  })

  test('the kills hit many different phases, the one between payment and approval among them', () => {
    const phases = new Set(hits)
    expect([...phases]).toContain('between payment and approval')
    expect(phases.size).toBeGreaterThanOrEqual(PHASES_MIN)
  })
})
