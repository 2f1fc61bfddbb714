import { HealthPage } from '../../views/admin/health'
import { OverviewPage } from '../../views/admin/overview'
import { RunPage } from '../../views/admin/run'
import { RunsPage } from '../../views/admin/runs'
import { SignupsPage } from '../../views/admin/signups'
import { TenantPage } from '../../views/admin/tenant'
import { TenantsPage } from '../../views/admin/tenants'
import { UndoPage } from '../../views/admin/undo'
import type { Html } from '../../views/jsx-runtime'
import { LoginConfirmPage, LoginRefusedPage } from '../../views/login/confirm'
import { LoginRequestPage } from '../../views/login/request'
import { LoginSentPage } from '../../views/login/sent'
import { ErrorPage } from '../../views/shop/error'
import { LandingPage } from '../../views/shop/landing'
import { CheckoutPage } from '../../views/signup/checkout'
import { SignupFormPage } from '../../views/signup/form'
import { SignupSuccessPage } from '../../views/signup/success'
import * as samples from './samples'

export type Sample = { name: string; render: () => Html; renderWith: (change: <T>(props: T) => T) => Html }

function sample<P>(name: string, page: (props: P) => Html, props: P): Sample {
  return { name, render: () => page(props), renderWith: (change) => page(change(props)) }
}

const brand = samples.landing.brand

/** Every page of the product in every state that looks different. */
export const PAGES: Sample[] = [
  sample('landing', LandingPage, samples.landing),
  sample('not-found', ErrorPage, {
    brand,
    status: 404,
    title: 'There is nothing here',
    sentence: 'The address may be mistyped, or what was here is gone.',
  }),
  sample('signup', SignupFormPage, samples.signupForm),
  sample('signup-wrong', SignupFormPage, samples.signupFormWrong),
  sample('checkout', CheckoutPage, samples.checkout),
  sample('success', SignupSuccessPage, samples.success),
  sample('success-live', SignupSuccessPage, samples.successLive),
  sample('success-failed', SignupSuccessPage, samples.successFailed),
  sample('success-ended', SignupSuccessPage, { ...samples.success, state: 'ended' }),
  sample('login', LoginRequestPage, {
    email: 'ada',
    error: 'Write an address with a name, an @ and a domain.',
  }),
  sample('login-sent', LoginSentPage, { validMinutes: 15 }),
  sample('login-confirm', LoginConfirmPage, { token: 'tok_secret', action: '/login/link' }),
  sample('login-refused', LoginRefusedPage, {
    sentence: 'It was used already, or is older than 15 minutes.',
  }),
  sample('overview', OverviewPage, samples.overview),
  sample('overview-calm', OverviewPage, {
    ...samples.overview,
    waiting: [],
    failedRuns: [],
    troubles: [],
    latestRuns: [],
    tenants: [],
    money: { monthly: [], paidThisMonth: [], paymentsThisMonth: 0 },
    health: { counts: { healthy: 0, failing: 0, unhealthy: 0, unknown: 0 }, down: [] },
  }),
  sample('health', HealthPage, samples.health),
  sample('health-calm', HealthPage, {
    ...samples.health,
    ailing: [],
    incidents: [],
    page: { number: 1, size: 50, total: 0 },
  }),
  sample('signups', SignupsPage, samples.signups),
  sample('tenants', TenantsPage, samples.tenants),
  sample('tenants-empty', TenantsPage, {
    ...samples.tenants,
    tenants: [],
    page: { number: 1, size: 50, total: 0 },
    filter: { ...samples.tenants.filter, q: '', plan: '' },
  }),
  sample('tenant', TenantPage, samples.tenant),
  sample('runs', RunsPage, samples.runs),
  sample('run', RunPage, samples.run),
  sample('run-failed', RunPage, samples.runFailed),
  sample('undo', UndoPage, samples.undo),
]
