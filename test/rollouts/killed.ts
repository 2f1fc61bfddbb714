import { Database } from 'bun:sqlite'
import { join } from 'node:path'
import { desc } from 'drizzle-orm'
import { openDataBeside } from '../../src/atlas/data-dir'
import { GiveUp, until } from '../../src/cli/patience'
import { liveStory } from '../../src/cli/story'
import { mailsTo } from '../../src/cli/story/scene'
import { SystemClock } from '../../src/clock'
import { chanceFrom } from '../../src/crashtest/chance'
import type { Db } from '../../src/db/open'
import { rollouts, rolloutTargets, runs } from '../../src/db/schema'
import type { Machine } from '../../src/simulator/machines/machine'
import { AtlasProcess, CloudsProcess, FROM_SOURCE } from '../crash/processes'

const CLOUD_SPEED = 12
const PAUSE_MAX_MS = 600
/** The share of kills that do not wait until Atlas answers again. */
const BLIND_SHARE = 0.2
const KILLS_MAX = 60

/** Atlas in a process of its own, which is killed again and again while it rolls releases out. */
export class Killed {
  /** Where the rollout stood at each kill. */
  readonly hits: string[] = []
  private readonly chance: () => number

  private constructor(
    seed: number,
    private readonly clouds: CloudsProcess,
    private readonly atlas: AtlasProcess,
    private readonly db: Db,
  ) {
    this.chance = chanceFrom(seed)
  }

  /** Customers who are live, with an Atlas that nobody has killed yet. */
  static async open(names: readonly string[], seed: number): Promise<Killed> {
    const clouds = await CloudsProcess.start(CLOUD_SPEED)
    const atlas = new AtlasProcess(clouds.environment, clouds.dir)
    await atlas.up()
    const killed = new Killed(seed, clouds, atlas, openDataBeside(clouds.dir))
    for (const subdomain of names) {
      const customer = { subdomain, email: `${subdomain}@example.com`, plan: 'starter' }
      await liveStory(killed.scene(), customer)
    }
    return killed
  }

  /** Rolls a release out by command, and kills Atlas until that has ended; returns how it did. */
  async rollOut(tag: string, ...options: string[]): Promise<string> {
    const known = this.count()
    let isAsked = false
    const command = this.command(['deploy', tag, '--waves', '1/100%', '--bake', '0', ...options]).then(() => {
      isAsked = true
    })
    // The first in the middle of a deploy, the others wherever they hit: whoever asked may not have heard by then.
    await until(this.scene(), 'a deploy', async () => {
      const hasBegun = this.count() > known
      if (isAsked && !hasBegun) throw new GiveUp(`The rollout of ${tag} was refused.`)
      return hasBegun && this.phase().includes('running deploy')
    })
    for (let kills = 0; kills < KILLS_MAX && this.isUnderWay(); kills++) {
      await this.atlas.kill(() => this.hits.push(this.phase()))
      if (this.chance() > BLIND_SHARE) await this.atlas.up()
      await Bun.sleep(this.chance() * PAUSE_MAX_MS)
    }
    await command
    await until(this.scene(), 'the last run and mail', async () => !this.isUnderWay() && this.isAtRest())
    return this.rollout.status
  }

  /** How often each machine was asked to deploy, by its tenant, as the simulated clouds themselves have it. */
  deploys(): Record<string, number> {
    const counts = this.machines().map(({ name, commands }): [string, number] => [
      name.replace(/-[0-9a-z]{6}$/, ''),
      commands.filter(({ request }) => request.startsWith('deploy ')).length,
    ])
    return Object.fromEntries(counts.toSorted())
  }

  /** The releases that run on the machines. */
  running(): string[] {
    return [...new Set(this.machines().map(({ app }) => app?.release ?? ''))].toSorted()
  }

  /** The subjects of the mails about releases, oldest first. */
  async mails(): Promise<string[]> {
    const mails = await mailsTo({ clouds: this.clouds.url }, this.clouds.environment.ADMIN_EMAIL ?? '')
    const told = mails.map(({ subject }) => subject).filter((subject) => /\bv\d+\b/.test(subject))
    return told.toReversed()
  }

  /** What Atlas logged as errors, in all its lives. */
  complaints(): string[] {
    return this.atlas.complaints()
  }

  async end(): Promise<void> {
    this.db.close()
    await this.atlas.end()
    await this.clouds.end()
  }

  private get rollout() {
    const [rollout] = this.db.read.select().from(rollouts).orderBy(desc(rollouts.createdAt)).limit(1).all()
    if (!rollout) throw new Error('there is no rollout')
    return rollout
  }

  private count(): number {
    return this.db.read.select().from(rollouts).all().length
  }

  private isUnderWay(): boolean {
    return ['running', 'going_back'].includes(this.rollout.status)
  }

  private isAtRest(): boolean {
    const live = "SELECT count(*) FROM runs WHERE status IN ('queued', 'running', 'waiting')"
    const queued = "SELECT count(*) FROM outbox WHERE status = 'queued'"
    const { n } = this.db.sqlite.query(`SELECT (${live}) + (${queued}) AS n`).get() as { n: number }
    return n === 0
  }

  /** `running, succeeded check-outside, running deploy`: the rollout, and the runs of its tenants. */
  private phase(): string {
    const targets = this.db.read.select().from(rolloutTargets).all()
    const steps = new Map(
      this.db.read
        .select()
        .from(runs)
        .all()
        .map(({ id, step, status }) => [id, `${status} ${step ?? ''}`]),
    )
    const mine = targets.filter(({ rolloutId, runId }) => rolloutId === this.rollout.id && runId !== null)
    return [this.rollout.status, ...mine.map(({ runId }) => steps.get(runId ?? ''))].join(', ')
  }

  private machines(): Machine[] {
    using world = new Database(join(this.clouds.dir, 'clouds.db'), { readonly: true })
    const rows = world.query<{ body: string }, []>("SELECT body FROM objects WHERE kind = 'machines'").all()
    return rows.map(({ body }) => JSON.parse(body) as Machine)
  }

  private async command(words: string[]): Promise<void> {
    const env = { PATH: process.env.PATH, ...this.clouds.environment }
    await Bun.spawn([...FROM_SOURCE, ...words], { env, stdout: 'ignore', stderr: 'ignore' }).exited
  }

  private scene() {
    return { ...this.clouds.places, clock: new SystemClock(), tell: () => {} }
  }
}
