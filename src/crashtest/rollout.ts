import { asc, desc, eq } from 'drizzle-orm'
import { rollouts, rolloutTargets, runs, tenants } from '../db/schema'
import { demoImages } from '../demo/goods'
import { createRelease } from '../releases/find'
import { startRollout } from '../rollouts/start'
import { parseStrategy } from '../rollouts/strategy'
import type { Migration } from '../simulator/registry/images'
import { BECOMES_LIVE } from './bases'
import { holdingsOf } from './holdings'
import { violations } from './invariants'
import { Land, type LandOptions, type Snapshot } from './land'
import { People } from './people'
import { endOf } from './play'
import type { Shop } from './shop'
import type { Customer, Story } from './story'

/** A rollout to four tenants, each of whom has a server of their own. */
export type Tale = {
  name: string
  tag: string
  migration: Migration
  /** Whose disks are full. */
  full: readonly string[]
  /** How it ends when nothing goes wrong with Atlas. */
  becomes: string
}

/** What a rollout came to, as the clouds and machines themselves have it: the same wherever Atlas died. */
export type CameTo = {
  status: string
  targets: string[]
  /** `ada v45`: what each tenant runs, as Atlas and as its machine has it. */
  known: string[]
  running: string[]
  /** How often a machine was asked for a deploy, and each of its backups made. */
  deploys: Record<string, number>
  copies: Record<string, number>
  mails: string[]
}

/** `wrong`: what the invariants say, also of failures that are meant to stay. */
export type Told = {
  cameTo: CameTo
  wrong: string[]
  tookMs: number
  slowestRunMs: number
  moments: string[][]
}

const TENANTS = ['ada', 'bob', 'cleo', 'dora']
const CALM: Pick<Story, 'seed' | 'weather' | 'outages'> = { seed: 1, weather: 0, outages: [] }
const DAY_MS = 86_400_000
const OPERATOR = { id: 'operator:one' }
/** One that fails, and whose former release does not live with the data either, whatever its release file says. */
const LIAR = 'v99'

export const TALES: readonly Tale[] = [
  { name: 'a good release', tag: 'v45', migration: 'expand', full: [], becomes: 'succeeded' },
  {
    name: 'a release that two have no room for',
    tag: 'v45',
    migration: 'expand',
    full: ['cleo', 'dora'],
    becomes: 'rolled_back',
  },
  { name: 'a release that lies', tag: LIAR, migration: 'none', full: [], becomes: 'frozen' },
  { name: 'a release without a way back', tag: 'v50', migration: 'contract', full: [], becomes: 'succeeded' },
]

/** One rollout, told again and again from the moment at which somebody has started it. */
export class RolloutTrial {
  private constructor(
    private readonly shop: Shop,
    private readonly from: Snapshot,
  ) {}

  static async of(shop: Shop, tale: Tale): Promise<RolloutTrial> {
    return new RolloutTrial(shop, await started(shop, tale))
  }

  /** Tells it with processes that die at these moments; the one after them lives on. */
  async tell(deaths: Story['deaths'], change?: LandOptions['change']): Promise<Told> {
    const { shop, from } = this
    const land = new Land(shop, { story: { ...CALM, deaths: [...deaths] }, from, change })
    try {
      await land.go(land.time.now() + DAY_MS, () => hasEnded(land) && land.isAtRest)
      return {
        cameTo: cameTo(land),
        wrong: violations(endOf(land, shop)),
        tookMs: land.time.now() - from.atMs,
        slowestRunMs: slowestDeploy(land),
        moments: land.lives.map(({ fate }) => fate.moments),
      }
    } finally {
      await land.close()
    }
  }
}

/** A land whose customers are live and whose operator has just started the rollout. */
async function started(shop: Shop, { tag, migration, full }: Tale): Promise<Snapshot> {
  const acts = BECOMES_LIVE.map((kind) => ({ kind, after: 1_000 }))
  const customers: Customer[] = TENANTS.map((name) => ({ name, plan: 'starter', acts }))
  const land = new Land(shop, { story: { ...CALM, deaths: [] } })
  try {
    for (const image of demoImages()) land.clouds.registry.publish(image)
    const [{ repository = '' } = {}] = demoImages()
    const liar = { behaviour: 'smoke_fails', migration: 'contract' } as const
    land.clouds.registry.publish({ repository, tag: LIAR, ...liar })
    const people = new People(land, customers)
    await land.go(land.time.now() + DAY_MS, () => people.look() && land.isAtRest)
    const machines = land.clouds.machines.list()
    for (const { name, serverId } of machines)
      if (full.includes(nameOf(name))) land.clouds.machines.setFull(serverId, true)
    await start(land, tag, migration)
    return land.snapshot()
  } finally {
    await land.close()
  }
}

async function start(land: Land, tag: string, migration: Migration): Promise<void> {
  const { services } = land.life
  if (!services) throw new Error('Atlas died before anything could go wrong.')
  const [tenant] = land.db.read.select().from(tenants).limit(1).all()
  const blueprint = tenant?.blueprint ?? ''
  let releaseId = ''
  const asked = { blueprint, tag, migration, actor: OPERATOR }
  void createRelease(services, asked).then(({ id }) => {
    releaseId = id
  })
  await land.go(land.time.now() + DAY_MS, () => releaseId !== '')
  const written = { canaries: 'ada', waves: '1 / 100 %', concurrency: 2, bake_minutes: 1 }
  const nowMs = land.time.now()
  const strategy = parseStrategy(written)
  const order = { releaseId, strategy, acceptsNoWayBack: migration === 'contract', actor: OPERATOR, nowMs }
  land.db.write((tx) => startRollout(tx, services, order))
}

function hasEnded({ db }: Land): boolean {
  const { status } = rolloutIn(db.read)
  return status !== 'running' && status !== 'going_back'
}

function slowestDeploy({ db }: Land): number {
  const deploys = db.read.select().from(runs).where(eq(runs.kind, 'deploy')).all()
  return Math.max(
    ...deploys.map(({ createdAt, finishedAt }) => (finishedAt ?? Number.POSITIVE_INFINITY) - createdAt),
  )
}

function cameTo(land: Land): CameTo {
  const { read } = land.db
  const { id, status } = rolloutIn(read)
  const all = read.select().from(tenants).orderBy(asc(tenants.subdomain)).all()
  const names = new Map(all.map((tenant) => [tenant.id, tenant.subdomain]))
  const targets = read.select().from(rolloutTargets).where(eq(rolloutTargets.rolloutId, id)).all()
  const { machines, apps, mails, objects } = holdingsOf(land.clouds)
  const asked = (verb: string) => {
    const counts = machines.map(({ name, commands }): [string, number] => [
      nameOf(name),
      commands.filter(({ request }) => request.startsWith(`${verb} `)).length,
    ])
    return Object.fromEntries(counts.toSorted())
  }
  return {
    status,
    targets: targets
      .map(({ tenantId, state, failedPart }) => `${names.get(tenantId)} ${state} ${failedPart ?? ''}`.trim())
      .toSorted(),
    known: all.map(({ subdomain, release }) => `${subdomain} ${release}`),
    running: apps.map(({ name, app }) => `${nameOf(name)} ${app.release} ${app.state}`).toSorted(),
    deploys: asked('deploy'),
    copies: { ...asked('backup'), stored: objects.length },
    mails: mails.map(({ subject }) => subject).filter((subject) => /\bv\d+\b/.test(subject)),
  }
}

function rolloutIn(db: Land['db']['read']) {
  const [rollout] = db.select().from(rollouts).orderBy(desc(rollouts.createdAt)).limit(1).all()
  if (!rollout) throw new Error('There is no rollout.')
  return rollout
}

/** Servers are named after their tenant. */
const nameOf = (server: string) => server.replace(/-[0-9a-z]{6}$/, '')
