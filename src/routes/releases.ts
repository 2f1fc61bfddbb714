import { type DeployForm, DeployPage, type DeployProps } from '../../views/admin/deploy'
import { ReleasesPage, type ReleasesProps } from '../../views/admin/releases'
import { actorName } from '../accounts/actor-name'
import type { Reader } from '../db/open'
import { AtlasError } from '../errors'
import {
  getRelease,
  imagesOf,
  listReleases,
  RELEASE_SORTS,
  type ReleaseFilter,
  type ReleaseRow,
} from '../releases/release'
import { countRunning, countUnknown, fleetSizes } from '../releases/report'
import { liveRollout } from '../rollouts/rollout'
import { DEFAULT_STRATEGY, wavesInWords } from '../rollouts/strategy'
import type { Services } from '../services'
import { choice, operatorOf, orderOf, searchOf, wanted } from './admin'
import { page, redirect } from './answer'
import { begin, deployOfForm, foresee } from './deploy-asked'
import { planView } from './deploy-plan'
import { statusOf } from './refusal'
import { readForm } from './request'
import { type Call, routes } from './route'

/** Releases, and the page that sends one to the fleet. */
export const releaseRoutes = routes(
  {
    method: 'GET',
    path: '/admin/releases',
    policy: 'operator',
    handle: (call) => ReleasesPage(releasesProps(call)),
  },
  {
    method: 'GET',
    path: '/admin/deploy',
    policy: 'operator',
    handle: (call) => DeployPage(deployProps(call, formOf(Object.fromEntries(call.url.searchParams)))),
  },
  {
    method: 'POST',
    path: '/admin/deploy/plan',
    policy: 'operator',
    handle: async (call) => {
      const form = formOf(await readForm(call.request))
      return orRefused(call, form, async () => page(DeployPage(await planned(call, form))))
    },
  },
  {
    method: 'POST',
    path: '/admin/deploy',
    policy: 'operator',
    handle: async (call) => {
      const sent = await readForm(call.request)
      const form = formOf(sent)
      return orRefused(call, form, async () => {
        const { rolloutId } = await begin(call, deployOfForm(form, sent.accepts_no_way_back === 'yes'))
        return redirect(`/admin/rollouts/${rolloutId}`)
      })
    },
  },
)

/** As many releases of a blueprint as a form offers. */
const OFFERED_MAX = 20
const NEWEST = { q: '', data: '', sort: 'created', dir: 'desc' } as const
const MIGRATIONS = ['none', 'reversible', 'expand', 'contract'] as const

const EMPTY: DeployForm = {
  blueprint: '',
  tag: '',
  notes: '',
  migration: '',
  backup: '',
  digests: '',
  waves: '',
  canaries: '',
  concurrency: '',
  bake_minutes: '',
  stop_failures: '',
  stop_percent: '',
}

function formOf(sent: Record<string, string>): DeployForm {
  const fields = Object.keys(EMPTY).map((name) => [name, Object.hasOwn(sent, name) ? sent[name] : ''])
  return Object.fromEntries(fields)
}

async function planned(call: Call, form: DeployForm): Promise<DeployProps> {
  const asked = deployOfForm(form, false)
  const prospect = await foresee(call.services, asked, call.actor)
  return { ...deployProps(call, form), plan: planView(prospect, asked.strategy) }
}

/** The form again, with what was wrong; what the plan says stays beside it when that can still be said. */
async function orRefused(call: Call, form: DeployForm, work: () => Promise<Response>): Promise<Response> {
  try {
    return await work()
  } catch (thrown) {
    if (!(thrown instanceof AtlasError) || thrown.code === 'internal') throw thrown
    const props = thrown.code === 'conflict' ? await plannedIfPossible(call, form) : deployProps(call, form)
    const problem = thrown.fields ? undefined : thrown.message
    return page(DeployPage({ ...props, errors: thrown.fields ?? {}, problem }), statusOf(thrown))
  }
}

async function plannedIfPossible(call: Call, form: DeployForm): Promise<DeployProps> {
  try {
    return await planned(call, form)
  } catch (thrown) {
    if (!(thrown instanceof AtlasError)) throw thrown
    return deployProps(call, form)
  }
}

function deployProps(call: Call, form: DeployForm): DeployProps {
  const { services } = call
  const { clock } = services
  const blueprints = deployable(services)
  const known = blueprints.some(({ name }) => name === form.blueprint)
  const { waves, concurrency, bakeMinutes, stop } = DEFAULT_STRATEGY
  return {
    operator: operatorOf(call),
    blueprints,
    form: { ...form, blueprint: known ? form.blueprint : (blueprints[0]?.name ?? '') },
    usual: {
      waves: wavesInWords(waves),
      concurrency: String(concurrency),
      bake_minutes: String(bakeMinutes),
      stop_failures: String(stop.failures),
      stop_percent: String(stop.percent),
    },
    errors: {},
    ...knownReleases(
      services,
      blueprints.map(({ name }) => name),
    ),
    plan: null,
    holders: blueprints.flatMap(({ name }) => holderOf(services.db.read, name)),
    now: clock.now(),
  }
}

/** What a form for a release can offer: the newest releases of these blueprints, and whether one says what they do. */
export function knownReleases(
  { catalog, db }: Pick<Services, 'catalog' | 'db'>,
  blueprints: readonly string[],
) {
  const page = { number: 1, size: OFFERED_MAX }
  const newest = (blueprint: string) => listReleases(db.read, { blueprint, ...NEWEST }, page).rows
  const known = blueprints.flatMap((name) => newest(name).map(({ tag }) => tag))
  const isNoted = blueprints.some((name) => catalog.blueprint(name).releases.length > 0)
  return { known: [...new Set(known)], isNoted }
}

/** Blueprints that have tenants or are sold, those that are sold first. */
function deployable({ catalog, db }: Services): { name: string; tenants: number }[] {
  const sizes = fleetSizes(db.read)
  return catalog.blueprints
    .filter(({ name, sold }) => sold || sizes.has(name))
    .toSorted((a, b) => Number(b.sold) - Number(a.sold))
    .map(({ name }) => ({ name, tenants: sizes.get(name) ?? 0 }))
}

function holderOf(db: Reader, blueprint: string): DeployProps['holders'] {
  const live = liveRollout(db, blueprint)
  if (!live) return []
  const { tag } = getRelease(db, live.releaseId)
  return [{ id: live.id, tag, blueprint, by: actorName(db, live.createdBy), since: live.createdAt }]
}

/** The filter of a blueprint's releases from a query; what is not known is left out. */
export function releaseFilter(call: Call, blueprint: string): ReleaseFilter {
  const data = choice(call, 'data', MIGRATIONS)
  return { blueprint, q: searchOf(call), data, ...orderOf(call, RELEASE_SORTS, NEWEST) }
}

function releasesProps(call: Call): ReleasesProps {
  const { services, url } = call
  const { db, clock } = services
  const blueprints = deployable(services).map(({ name }) => name)
  const blueprint =
    blueprints.find((name) => name === url.searchParams.get('blueprint')) ?? blueprints[0] ?? ''
  const filter = releaseFilter(call, blueprint)
  const { rows, ...page } = listReleases(db.read, filter, wanted(call))
  const running = countRunning(db.read)
  const view = (row: ReleaseRow) => ({
    ...row,
    images: imagesOf(row),
    by: actorName(db.read, row.createdBy),
    tenants: running.get(row.id) ?? 0,
  })
  return {
    operator: operatorOf(call),
    releases: rows.map(view),
    unknown: countUnknown(db.read, blueprint),
    page,
    filter,
    blueprints,
    now: clock.now(),
  }
}
