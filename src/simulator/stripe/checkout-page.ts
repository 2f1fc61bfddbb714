import { page } from '../html'
import { type Card, type CardProblems, DECLINES, type DeclineCode, readCard } from './cards'
import styles from './checkout.css' with { type: 'text' }
import icon from './checkout.svg' with { type: 'text' }
import { authenticationView, closedView, type PayForm, payView } from './checkout-view'
import type { Events } from './events'
import { completePayment, type Payer } from './payment'
import type { Session } from './session'
import type { Store } from './store'

/** A card that waits for its holder to confirm at the bank. */
type Attempt = { id: string; card: Card; payer: Payer }

/** The hosted checkout page, as `https://checkout.stripe.com` shows it; works without a script. */
export class CheckoutPage {
  constructor(
    private readonly store: Store,
    private readonly events: Events,
  ) {}

  /** Answers under `/checkout/`; null for any other path. */
  async answer(request: Request): Promise<Response | null> {
    const { pathname } = new URL(request.url)
    if (!pathname.startsWith('/checkout/')) return null
    if (pathname === '/checkout/styles.css') return asset(styles, 'text/css')
    if (pathname === '/checkout/icon.svg') return asset(icon, 'image/svg+xml')
    const [, id = '', step] = /^\/checkout\/pay\/([A-Za-z0-9_]+)(?:\/(authentication))?$/.exec(pathname) ?? []
    const session = this.store.sessions.get(id)
    if (!session) return page(closedView('not-found', null), { status: 404 })
    if (request.method !== 'GET' && request.method !== 'POST') {
      return new Response('method not allowed', { status: 405, headers: { allow: 'GET, POST' } })
    }
    if (session.status !== 'open') return closed(session)
    const typed = request.method === 'POST' ? new URLSearchParams(await request.text()) : null
    if (step) return this.authenticate(session, typed)
    return typed ? this.pay(session, typed) : show(session, emptyForm(session), {})
  }

  private get attempts() {
    return this.store.world.table<Attempt>('stripe_attempts')
  }

  private pay(session: Session, typed: URLSearchParams): Response {
    const form = read(session, typed)
    const card = readCard(form, this.store.world.now())
    const problems = { ...contactProblems(form), ...('outcome' in card ? {} : card) }
    if (!('outcome' in card) || Object.keys(problems).length > 0) return show(session, form, problems, 422)
    const payer = { email: form.email, name: form.name }
    switch (card.outcome) {
      case 'succeeds':
        return this.complete(session, card, payer)
      case 'authenticates':
        this.attempts.put({ id: session.id, card, payer })
        return redirect(`/checkout/pay/${session.id}/authentication`)
      default:
        return declined(session, form, card.outcome)
    }
  }

  /** The bank's page of a 3-D Secure card: its holder completes it or lets it fail. */
  private authenticate(session: Session, typed: URLSearchParams | null): Response {
    const attempt = this.attempts.get(session.id)
    if (!attempt) return redirect(`/checkout/pay/${session.id}`)
    if (!typed) return page(authenticationView(session), policyFor(session))
    this.attempts.delete(session.id)
    if (typed.get('result') === 'complete') return this.complete(session, attempt.card, attempt.payer)
    return declined(session, { ...emptyForm(session), ...attempt.payer }, 'authentication_failed')
  }

  private complete(session: Session, card: Card, payer: Payer): Response {
    const pay = () => completePayment(this.store, this.events, session, card, payer)
    return redirect(successUrl(this.store.world.transaction(pay)))
  }
}

type Problems = CardProblems & { email?: string; name?: string; form?: string }

function show(session: Session, form: PayForm, problems: Problems, status = 200): Response {
  return page(payView(session, form, problems), { status, ...policyFor(session) })
}

function declined(session: Session, form: PayForm, code: DeclineCode): Response {
  return show(session, form, { form: DECLINES[code] }, 402)
}

/** A closed session; one that is paid leads on to the shop, as a second press of the button should. */
function closed(session: Session): Response {
  if (session.status === 'expired') return page(closedView('expired', session.cancel_url), { status: 410 })
  return page(closedView('complete', successUrl(session)))
}

function emptyForm(session: Session): PayForm {
  return { email: session.customer_email ?? '', number: '', expiry: '', cvc: '', name: '' }
}

/** What was typed; an email that the shop has set cannot be changed here. */
function read(session: Session, typed: URLSearchParams): PayForm {
  const field = (name: string) => (typed.get(name) ?? '').trim()
  return {
    email: session.customer_email ?? field('email'),
    number: field('number'),
    expiry: field('expiry'),
    cvc: field('cvc'),
    name: field('name'),
  }
}

function contactProblems({ email, name }: PayForm): Problems {
  return {
    ...(!/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(email) && { email: 'Enter a valid email address.' }),
    ...(name === '' && { name: 'Required' }),
  }
}

function successUrl(session: Session): string {
  return session.success_url.replaceAll('{CHECKOUT_SESSION_ID}', session.id)
}

// Browsers hold the redirect after a form to form-action too, so the shop's own address must be allowed.
function policyFor(session: Session) {
  return { policy: { 'form-action': `'self' ${new URL(session.success_url).origin}` } }
}

function redirect(location: string): Response {
  return new Response(null, { status: 303, headers: { location, 'cache-control': 'no-store' } })
}

function asset(text: string, type: string): Response {
  return new Response(text, {
    headers: { 'content-type': `${type}; charset=utf-8`, 'cache-control': 'no-cache' },
  })
}
