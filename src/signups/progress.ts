import { desc, eq } from 'drizzle-orm'
import type { SignupProgressProps, SignupStage } from '../../views/signup/progress'
import { tenants } from '../db/schema'
import { aheadInQueue } from '../quotas/queue'
import { latestRun, type RunRow } from '../runs/run'
import { type StepRow, stepsOf } from '../runs/steps'
import type { Services } from '../services'
import { urlOf } from '../tenants/tenant'
import { getSignup, type SignupRow } from './signup'
import type { SignupStatus } from './status'

/** What the customer sees of provisioning, before and after: each stage is over with the named step of the run. */
const STAGES = [
  { task: 'Create your server', result: 'Server created', step: 'rotate-host-key' },
  { task: 'Point your name to it', result: 'Name pointed to it', step: 'wait-for-dns' },
  { task: 'Start the app', result: 'App started', step: 'start-app' },
  { task: 'Check that it answers', result: 'Ready', step: 'check-health' },
]

/** Where a signup stands, in the customer's words. Throws `not_found`. */
export function signupProgress(services: Services, signupId: string): SignupProgressProps {
  const { db, clock, settings } = services
  const signup = getSignup(db.read, signupId)
  const tenant = db.read
    .select({ id: tenants.id })
    .from(tenants)
    .where(eq(tenants.signupId, signupId))
    .orderBy(desc(tenants.createdAt))
    .limit(1)
    .get()
  const run = tenant && signup.approvedAt !== null ? latestRun(db.read, tenant.id, 'provision') : undefined
  const steps = run ? stepsOf(db.read, run.id) : []
  const ahead = run ? aheadInQueue(db.read, run.id) : null
  return {
    state: STATES[signup.status],
    startHref: startHref(services, signup),
    address: `${signup.subdomain}.${settings.tenantDomain}`,
    siteUrl: urlOf(signup, settings.tenantDomain),
    email: signup.email,
    ahead,
    stages: [paymentStage(signup), approvalStage(signup), ...provisioningStages(run, steps, ahead)],
    now: clock.now(),
  }
}

const STATES: Record<SignupStatus, SignupProgressProps['state']> = {
  pending: 'working',
  paid: 'working',
  provisioning: 'working',
  active: 'live',
  failed: 'failed',
  refunded: 'ended',
  expired: 'ended',
}

/** The form with what was typed, to change it or to begin anew. */
export function startHref({ catalog }: Services, signup: SignupRow): string {
  const plan = catalog.plan(signup.planId).plan.key
  return `/signup?${new URLSearchParams({ plan, subdomain: signup.subdomain, email: signup.email })}`
}

function paymentStage(signup: SignupRow): SignupStage {
  if (signup.paidAt !== null) return { title: 'Payment received', state: 'done', at: signup.paidAt }
  if (signup.status === 'expired') {
    return {
      title: 'Payment',
      state: 'failed',
      note: 'The payment was not finished in time. Nothing was charged.',
    }
  }
  return { title: 'Payment', state: 'active', note: 'Waiting for the word of the bank.' }
}

function approvalStage(signup: SignupRow): SignupStage {
  if (signup.approvedAt !== null) return { title: 'Approved', state: 'done', at: signup.approvedAt }
  if (signup.paidAt === null) return { title: 'Approval', state: 'waiting' }
  return {
    title: 'Approval',
    state: 'active',
    note: 'A person looks at every signup before its server is made.',
  }
}

function provisioningStages(run: RunRow | undefined, steps: StepRow[], ahead: number | null): SignupStage[] {
  const positions = STAGES.map((stage) => steps.findIndex((step) => step.name === stage.step))
  const current = steps.findIndex((step) => step.status !== 'succeeded')
  return STAGES.map(({ task, result }, index) => {
    const last = positions[index] ?? -1
    const first = (positions[index - 1] ?? -1) + 1
    const over = last >= 0 && (current < 0 || current > last)
    if (over) return { title: result, state: 'done', at: steps[last]?.finishedAt ?? null }
    if (!run || current < first) return { title: task, state: 'waiting' }
    const note = ahead === null ? {} : { note: 'It is made as soon as a server becomes free.' }
    return { title: task, state: run.status === 'failed' ? 'failed' : 'active', ...note }
  })
}
