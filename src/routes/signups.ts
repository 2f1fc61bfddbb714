import { CheckoutPage } from '../../views/signup/checkout'
import { SignupFormPage } from '../../views/signup/form'
import { SignupProgress } from '../../views/signup/progress'
import { SubdomainHint } from '../../views/signup/subdomain-hint'
import { SignupSuccessPage } from '../../views/signup/success'
import { countTry, isWithin, networkOf } from '../accounts/rate-limit'
import { openCheckout, syncCheckout } from '../checkouts/checkout'
import { startCheckout } from '../checkouts/start'
import { type AtlasError, asAtlasError } from '../errors'
import { queueLength } from '../quotas/queue'
import { signupIdFrom, signupToken } from '../signups/link'
import { signupProgress, startHref } from '../signups/progress'
import { getSignup, type SignupInput } from '../signups/signup'
import { judgeSubdomain, namesKept, normalizeSubdomain } from '../signups/subdomain'
import { page, redirect } from './answer'
import { statusOf } from './refusal'
import { readForm } from './request'
import { type Call, routes } from './route'
import { brandOf, offersOf, planView } from './shop'

const CHECK_LIMIT = { max: 300, windowMs: 600_000 }
const SIGNUP_LIMIT = { max: 30, windowMs: 3_600_000 }
// Each look and each try asks Stripe, which counts Atlas's requests too.
const LOOK_LIMIT = { max: 20, windowMs: 60_000 }
const CHECKOUT_LIMIT = { max: 20, windowMs: 600_000 }

/** From the signup's form over Stripe to the page that follows it. */
export const signupRoutes = routes(
  {
    method: 'GET',
    path: '/signup',
    policy: 'public',
    handle: ({ services, url }) => {
      const offers = offersOf(services)
      const asked = url.searchParams.get('plan')
      const plan = offers.find((offer) => offer.plan.key === asked) ?? offers[0]
      const values = {
        subdomain: url.searchParams.get('subdomain') ?? '',
        email: url.searchParams.get('email') ?? '',
        plan: plan?.plan.key ?? '',
      }
      return SignupFormPage({ ...formParts(services), values, errors: {} })
    },
  },
  {
    method: 'GET',
    path: '/signup/subdomain',
    policy: 'public',
    handle: ({ services, url, visitor }) => {
      const { db, clock, settings } = services
      countTry(db, { key: `subdomain:${networkOf(visitor.ip)}`, ...CHECK_LIMIT }, clock.now())
      const name = normalizeSubdomain(url.searchParams.get('subdomain') ?? '')
      if (name === '') return SubdomainHint({ state: 'idle', domain: settings.tenantDomain })
      const verdict = judgeSubdomain(db.read, name, clock.now(), namesKept(services))
      if (!verdict.ok) return SubdomainHint({ state: 'refused', message: verdict.words })
      return SubdomainHint({ state: 'available', address: `${name}.${settings.tenantDomain}` })
    },
  },
  {
    method: 'POST',
    path: '/signup',
    policy: 'public',
    handle: async (call) => {
      const form = await readForm(call.request)
      const input = { subdomain: form.subdomain ?? '', email: form.email ?? '', plan: form.plan ?? '' }
      try {
        return await beginSignup(call, input)
      } catch (thrown) {
        const error = asAtlasError(thrown)
        if (error.code === 'internal') throw thrown
        const problem = error.fields ? undefined : error.message
        const props = { ...formParts(call.services), values: input, errors: error.fields ?? {}, problem }
        return page(SignupFormPage(props), statusOf(error))
      }
    },
  },
  {
    method: 'GET',
    path: '/signup/checkout',
    policy: 'public',
    handle: (call) => checkoutPage(call, signupOf(call)),
  },
  {
    method: 'POST',
    path: '/signup/checkout',
    policy: 'public',
    handle: async (call) => {
      const signupId = signupOf(call)
      const { db, clock } = call.services
      countTry(db, { key: `checkout:${signupId}`, ...CHECKOUT_LIMIT }, clock.now())
      try {
        return redirect(await openCheckout(call.services, signupId))
      } catch (thrown) {
        const error = asAtlasError(thrown)
        if (error.code === 'internal') throw thrown
        const status = getSignup(call.services.db.read, signupId).status
        if (status !== 'pending' && status !== 'expired') return redirect(successPath(call, signupId))
        return checkoutPage(call, signupId, error)
      }
    },
  },
  {
    method: 'GET',
    path: '/signup/success',
    policy: 'public',
    handle: async (call) => {
      const { services, url } = call
      const signupId = signupOf(call)
      await lookAtPayment(services, signupId)
      const eventsUrl = `/signup/success/events?signup=${encodeURIComponent(url.searchParams.get('signup') ?? '')}`
      return SignupSuccessPage({ brand: brandOf(services), eventsUrl, ...signupProgress(services, signupId) })
    },
  },
  {
    method: 'GET',
    path: '/signup/success/events',
    policy: 'public',
    handle: (call) => {
      const signupId = signupOf(call)
      let isTold = false
      return call.live.open(call, () => {
        if (isTold) return null
        const progress = signupProgress(call.services, signupId)
        isTold = progress.state === 'live' || progress.state === 'ended'
        return SignupProgress(progress)
      })
    },
  },
)

async function beginSignup(call: Call, input: SignupInput): Promise<Response> {
  const { services, visitor, actor } = call
  countTry(services.db, { key: `signup:${networkOf(visitor.ip)}`, ...SIGNUP_LIMIT }, services.clock.now())
  const { signupId, url, problem } = await startCheckout(services, input, actor)
  if (url) return redirect(url)
  // The name is held already; the next page says why Stripe could not be reached and tries again.
  return checkoutPage(call, signupId, problem)
}

function checkoutPage(call: Call, signupId: string, error?: AtlasError): Response {
  const { services } = call
  const { settings, clock, catalog } = services
  const signup = getSignup(services.db.read, signupId)
  if (signup.status !== 'pending' && signup.status !== 'expired') return redirect(successPath(call, signupId))
  const held = signup.status === 'pending' && (signup.checkoutExpiresAt ?? 0) > clock.now()
  const token = encodeURIComponent(signupToken(settings.authSecret, signup.id))
  const entry = catalog.plan(signup.planId)
  const props = {
    brand: brandOf(services),
    address: `${signup.subdomain}.${settings.tenantDomain}`,
    email: signup.email,
    plan: planView(entry),
    heldUntil: held ? signup.checkoutExpiresAt : null,
    now: clock.now(),
    ...(error ? { reason: error.message } : {}),
    action: `/signup/checkout?signup=${token}`,
    changeHref: startHref(services, signup),
    isQueueing: queueLength(services.db.read) > 0,
  }
  return page(CheckoutPage(props), error ? statusOf(error) : 200)
}

/** The customer is back before Stripe's webhook: look for ourselves, and let the webhook do it if that fails. */
async function lookAtPayment(services: Call['services'], signupId: string): Promise<void> {
  const signup = getSignup(services.db.read, signupId)
  if (signup.status !== 'pending' || !signup.checkoutId) return
  if (!isWithin(services.db, { key: `look:${signupId}`, ...LOOK_LIMIT }, services.clock.now())) return
  try {
    await syncCheckout(services, signup.checkoutId)
  } catch (thrown) {
    services.log.error('a payment could not be looked at', thrown, { signup: signupId })
  }
}

function formParts(services: Call['services']) {
  return {
    brand: brandOf(services),
    domain: services.settings.tenantDomain,
    isQueueing: queueLength(services.db.read) > 0,
    plans: offersOf(services).map(planView),
  }
}

function signupOf({ services, url }: Call): string {
  return signupIdFrom(services.settings.authSecret, url.searchParams.get('signup') ?? '')
}

function successPath({ services }: Call, signupId: string): string {
  return `/signup/success?signup=${encodeURIComponent(signupToken(services.settings.authSecret, signupId))}`
}
