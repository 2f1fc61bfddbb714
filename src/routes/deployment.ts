import { DeploymentPage, type DeploymentPlan, type DeploymentProps } from '../../views/admin/deployment'
import type { ReleaseForm } from '../../views/admin/release-fields'
import { DEPLOYABLE } from '../deployments/deploy'
import { AtlasError } from '../errors'
import { keepRelease, lookUpRelease } from '../releases/find'
import { imagesOf } from '../releases/release'
import { type DeployOutlook, deployByHand, lookAtDeploy } from '../rollouts/by-hand'
import { allObstacles } from '../rollouts/obstacles'
import { requireReady } from '../tenants/readiness'
import { getTenant } from '../tenants/tenant'
import { operatorOf } from './admin'
import { json, page, redirect } from './answer'
import { flagField, releaseOfBody, releaseOfForm } from './deploy-asked'
import { statusOf } from './refusal'
import { knownReleases } from './releases'
import { readForm, readJson } from './request'
import { foreseenFacts } from './rollouts-api'
import { type Call, routes } from './route'
import { ask } from './tenant-verbs'

/** A release for one tenant. */
export const deploymentRoutes = routes(
  {
    method: 'GET',
    path: '/admin/tenants/:id/deployment',
    policy: 'operator',
    handle: (call) =>
      ask(call, () =>
        DeploymentPage(deploymentProps(call, formOf(Object.fromEntries(call.url.searchParams)))),
      ),
  },
  {
    method: 'POST',
    path: '/admin/tenants/:id/deployment/plan',
    policy: 'operator',
    handle: async (call) => {
      const form = formOf(await readForm(call.request))
      return orRefused(call, form, async () => page(DeploymentPage(await planned(call, form))))
    },
  },
  {
    method: 'POST',
    path: '/admin/tenants/:id/deployment',
    policy: 'operator',
    handle: async (call) => {
      const sent = await readForm(call.request)
      const form = formOf(sent)
      const accepted = sent.accepts_no_way_back === 'yes'
      return orRefused(call, form, async () =>
        redirect(`/admin/runs/${await begin(call, releaseOfForm(form, blueprintOf(call)), accepted)}`),
      )
    },
  },
  {
    method: 'POST',
    path: '/api/admin/tenant/:id/deployment',
    policy: 'operator_api',
    handle: async (call) => {
      const body = await readJson(call.request)
      const accepted = flagField(body, 'accepts_no_way_back') ?? false
      return json({ run_id: await begin(call, releaseOfBody(body, blueprintOf(call)), accepted) }, 202)
    },
  },
  {
    method: 'POST',
    path: '/api/admin/tenant/:id/deployment/plan',
    policy: 'operator_api',
    handle: async (call) => {
      const body = await readJson(call.request)
      const accepted = flagField(body, 'accepts_no_way_back') ?? false
      const outlook = await foresee(call, releaseOfBody(body, blueprintOf(call)))
      const { release, way, canGoBack, copies, takesMs } = outlook
      const plan = { way, can_go_back: canGoBack, backup: copies, takes_ms: takesMs }
      return json({ release: foreseenFacts(release), ...plan, obstacles: allObstacles(outlook, accepted) })
    },
  },
)

const EMPTY: ReleaseForm = { tag: '', notes: '', migration: '', backup: '', digests: '' }

function formOf(sent: Record<string, string>): ReleaseForm {
  const fields = Object.keys(EMPTY).map((name) => [name, Object.hasOwn(sent, name) ? sent[name] : ''])
  return Object.fromEntries(fields)
}

const blueprintOf = ({ services, params }: Call) => getTenant(services.db.read, params.id ?? '').blueprint

type Wanted = ReturnType<typeof releaseOfForm>

/** Queues the deploy; returns the run's id. */
async function begin(call: Call, wanted: Wanted, acceptsNoWayBack: boolean): Promise<string> {
  const { services, actor, params } = call
  const { db, clock } = services
  const release = await lookUpRelease(services, { ...wanted, actor })
  const nowMs = clock.now()
  return db.write((tx) => {
    const { id: releaseId } = keepRelease(tx, release, actor, nowMs)
    const asked = { releaseId, acceptsNoWayBack, actor, nowMs }
    return deployByHand(tx, services, params.id ?? '', asked).runId
  })
}

/** What the deploy would do: its release is looked up, and nothing is kept. */
async function foresee({ services, actor, params }: Call, wanted: Wanted): Promise<DeployOutlook> {
  const release = await lookUpRelease(services, { ...wanted, actor })
  return lookAtDeploy(services.db.read, services, params.id ?? '', release)
}

async function planned(call: Call, form: ReleaseForm): Promise<DeploymentProps> {
  const { release, ...outlook } = await foresee(call, releaseOfForm(form, blueprintOf(call)))
  const plan: DeploymentPlan = { ...outlook, release: { ...release, images: imagesOf(release) } }
  return { ...deploymentProps(call, form), plan }
}

/** The form again, with what was wrong; what would happen stays beside it when that can still be said. */
async function orRefused(call: Call, form: ReleaseForm, work: () => Promise<Response>) {
  try {
    return await work()
  } catch (thrown) {
    if (!(thrown instanceof AtlasError) || thrown.code === 'internal') throw thrown
    // Where the tenant itself is the obstacle, its own page says so.
    return ask(call, async () => {
      const { fields, message } = thrown
      const asked = deploymentProps(call, form)
      const props = thrown.code === 'conflict' ? await plannedOr(asked, () => planned(call, form)) : asked
      const refused = { ...props, errors: fields ?? {}, problem: fields ? undefined : message }
      return page(DeploymentPage(refused), statusOf(thrown))
    })
  }
}

async function plannedOr(otherwise: DeploymentProps, plan: () => Promise<DeploymentProps>) {
  try {
    return await plan()
  } catch (thrown) {
    if (!(thrown instanceof AtlasError)) throw thrown
    return otherwise
  }
}

function deploymentProps(call: Call, form: ReleaseForm): DeploymentProps {
  const { services, params } = call
  const { read } = services.db
  const tenant = getTenant(read, params.id ?? '')
  requireReady(read, tenant, DEPLOYABLE, 'brought to another release')
  return {
    operator: operatorOf(call),
    tenant,
    form,
    errors: {},
    ...knownReleases(services, [tenant.blueprint]),
    plan: null,
  }
}
