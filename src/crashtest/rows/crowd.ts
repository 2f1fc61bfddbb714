import { eq } from 'drizzle-orm'
import { runs, steps, tenants } from '../../db/schema'
import { unavailable } from '../../errors'
import type { Services } from '../../services'
import type { Land } from '../land'
import { replaced } from '../plain'
import { play } from '../play'
import { type Row, Tally, type Task } from '../row'
import type { Story } from '../story'

const ATTEMPTS_MAX = 10
const SLOWER_MAX = 1.05
const POISONED = 'poisoned'

/** A8: one tenant whose server can never be made, among 100. */
export const poison: Row = {
  name: 'A8',
  says: 'one poisoned tenant among 100: it stops with a reason, the others are no slower',
  async run({ shop, ...task }) {
    const tally = new Tally(task)
    if (!tally.isMine) return tally.found
    const well = await together(shop, 100)
    const ill = await together(shop, 100, { change: poisoned })
    const stopped = ill.runs.find(({ name }) => name === POISONED)
    const others = (all: Provisioned[]) =>
      all.filter(({ name }) => name !== POISONED).map(({ tookMs }) => tookMs)
    const [calm, beside] = [Math.max(...others(well.runs)), Math.max(...others(ill.runs))]
    tally.count('slowest_ms_without', calm)
    tally.count('slowest_ms_beside', beside)
    tally.count('attempts', stopped?.attempts)
    tally.note('100 well', { wrong: [...well.wrong, ...unfinished(well.runs)] })
    tally.note('99 beside a poisoned one', {
      wrong: [
        ...unfinished(ill.runs.filter(({ name }) => name !== POISONED)),
        ...(stopped?.status === 'failed' && stopped.reason
          ? []
          : ['The poisoned one did not stop with a reason.']),
        ...((stopped?.attempts ?? 0) <= ATTEMPTS_MAX ? [] : [`It was tried ${stopped?.attempts} times.`]),
        ...(beside <= calm * SLOWER_MAX ? [] : [`The others took ${beside} ms instead of ${calm} ms.`]),
      ],
    })
    return tally.found
  },
}

/** A10: 50 provisions at once, at the pace and the limit of the real cloud. */
export const crowd: Row = {
  name: 'A10',
  says: '50 provisions at once against 3,600 requests an hour: none fails for 429',
  async run({ shop, ...task }) {
    const tally = new Tally(task)
    if (!tally.isMine) return tally.found
    const { runs: all, wrong, trace } = await together(shop, 50, { speed: 1 })
    const asked = trace.filter((line) => line.includes(' hetzner '))
    tally.count('requests', asked.length)
    tally.count('refused_429', asked.filter((line) => line.endsWith('-> 429')).length)
    tally.count('slowest_ms', Math.max(...all.map(({ tookMs }) => tookMs)))
    tally.note('50 at once', { wrong: [...wrong, ...unfinished(all)] })
    return tally.found
  },
}

type Provisioned = { name: string; status: string; reason: string | null; tookMs: number; attempts: number }

/** Many customers who are approved at the same moment, and how each provisioning went. */
async function together(
  shop: Task['shop'],
  many: number,
  options: { change?: typeof poisoned; speed?: number } = {},
) {
  const names = Array.from({ length: many }, (_, number) => (number === 0 ? POISONED : `tenant-${number}`))
  const acts = [
    { kind: 'sign up', after: 0 },
    { kind: 'pay', after: 1_000 },
    { kind: 'approve', after: 60_000 },
  ]
  const customers = names.map((name) => ({ name, plan: 'starter' as const, acts }))
  const story: Story = { seed: 1, customers, deaths: [], weather: 0, outages: [], jumps: [] }
  let found: Provisioned[] = []
  const ending = await play(shop, story, { ...options, mends: false, rests: 0 }, (land) => {
    found = provisioned(land)
  })
  return { ...ending, runs: found }
}

function provisioned({ db }: Land): Provisioned[] {
  const all = db.read
    .select()
    .from(runs)
    .innerJoin(tenants, eq(tenants.id, runs.tenantId))
    .where(eq(runs.kind, 'provision'))
    .all()
  return all.map(({ runs: run, tenants: tenant }) => {
    const mine = db.read.select().from(steps).where(eq(steps.runId, run.id)).all()
    return {
      name: tenant.subdomain,
      status: run.status,
      reason: run.reason,
      tookMs: (run.finishedAt ?? Number.POSITIVE_INFINITY) - run.createdAt,
      attempts: Math.max(...mine.map(({ attempts }) => attempts)),
    }
  })
}

function unfinished(all: Provisioned[]): string[] {
  return all
    .filter(({ status }) => status !== 'succeeded')
    .map((one) => `${one.name} is ${one.status}: ${one.reason}`)
}

/** The cloud will never make this one server. */
function poisoned(services: Services): Services {
  const { cloud } = services
  return {
    ...services,
    cloud: replaced(cloud, {
      ensureServer: async (spec) => {
        if (!spec.name.startsWith(POISONED)) return cloud.ensureServer(spec)
        throw unavailable('Hetzner has no room for this server.', { outcome: 'refused' })
      },
    }),
  }
}
