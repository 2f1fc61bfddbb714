import { type Html, html } from '../html'
import { groupedExpiry, groupedNumber } from './cards'
import { amountWords } from './money'
import type { Session } from './session'

export type PayForm = { email: string; number: string; expiry: string; cvc: string; name: string }

type Problems = Partial<Record<keyof PayForm | 'form', string>>

/** The page where a customer pays: what is bought on one side, the card on the other. */
export function payView(session: Session, form: PayForm, problems: Problems): Html {
  const [line] = session.line_items.data
  const product = line?.description ?? ''
  const title = `Subscribe to ${product}`
  return layout(
    title,
    html`<main class="checkout">
      ${summary(session, title)}
      <section class="payment" aria-labelledby="pay"><div class="column">
        <h2 id="pay">Pay with card</h2>
        ${problems.form && html`<p class="alert" role="alert">${problems.form}</p>`}
        <form method="post" action="/checkout/pay/${session.id}" novalidate>
          ${emailField(session, form, problems)}
          <fieldset>
            <legend>Card information</legend>
            ${field({ name: 'number', label: 'Card number', value: groupedNumber(form.number), problems, hints: { autocomplete: 'cc-number', inputmode: 'numeric', placeholder: '1234 1234 1234 1234' } })}
            <div class="pair">
              ${field({ name: 'expiry', label: 'Expiration (MM / YY)', value: groupedExpiry(form.expiry), problems, hints: { autocomplete: 'cc-exp', inputmode: 'numeric', placeholder: 'MM / YY' } })}
              ${field({ name: 'cvc', label: 'CVC', value: '', problems, hints: { autocomplete: 'cc-csc', inputmode: 'numeric', placeholder: 'CVC' } })}
            </div>
          </fieldset>
          ${field({ name: 'name', label: 'Cardholder name', value: form.name, problems, hints: { autocomplete: 'cc-name', inputmode: 'text', placeholder: 'Full name on card' } })}
          <button type="submit">Subscribe</button>
          <p class="small">
            By confirming your subscription, you allow this card to be charged for this payment and future
            payments until you cancel.
          </p>
        </form>
        ${testCards()}
      </div></section>
    </main>`,
  )
}

function summary(session: Session, title: string): Html {
  const [line] = session.line_items.data
  const amount = amountWords(session.amount_total, session.currency)
  const interval = line?.price.recurring.interval ?? 'month'
  return html`<section class="summary" aria-labelledby="what"><div class="column">
    ${session.cancel_url && html`<a class="back" href="${session.cancel_url}"><span aria-hidden="true">←</span> Back</a>`}
    <p class="badge">Test mode</p>
    <h1 id="what">${title}</h1>
    <p class="price"><strong>${amount}</strong> <span>per ${interval}</span></p>
    <dl>
      <div><dt>${line?.description}<small>Billed every ${interval}</small></dt><dd>${amount}</dd></div>
      <div><dt>Subtotal</dt><dd>${amount}</dd></div>
      <div class="total"><dt>Total due today</dt><dd>${amount}</dd></div>
    </dl>
  </div></section>`
}

function emailField(session: Session, form: PayForm, problems: Problems): Html {
  if (session.customer_email === null) {
    const hints = { autocomplete: 'email', inputmode: 'email', placeholder: 'email@example.com' } as const
    return field({ name: 'email', label: 'Email', value: form.email, problems, hints })
  }
  return html`<div class="field">
    <label for="email">Email</label>
    <input id="email" name="email" type="email" value="${session.customer_email}" readonly autocomplete="email">
  </div>`
}

type Field = {
  name: keyof PayForm
  label: string
  value: string
  problems: Problems
  hints: { autocomplete: string; inputmode: 'numeric' | 'text' | 'email'; placeholder: string }
}

function field({ name, label, value, problems, hints }: Field): Html {
  const problem = problems[name]
  const state = problem && html` aria-invalid="true" aria-describedby="${name}-problem"`
  return html`<div class="field">
    <label for="${name}">${label}</label>
    <input id="${name}" name="${name}" type="text" value="${value}" inputmode="${hints.inputmode}"
      autocomplete="${hints.autocomplete}" placeholder="${hints.placeholder}" required${state}>
    ${problem && html`<p class="problem" id="${name}-problem">${problem}</p>`}
  </div>`
}

function testCards(): Html {
  return html`<p class="small test">
    Test cards: <code>4242 4242 4242 4242</code> succeeds · <code>4000 0000 0000 0002</code> declined ·
    <code>4000 0000 0000 9995</code> insufficient funds · <code>4000 0027 6000 3184</code> 3-D Secure. Any
    future date, any CVC.
  </p>`
}

/** The bank's page, where the holder of a 3-D Secure card confirms. */
export function authenticationView(session: Session): Html {
  const amount = amountWords(session.amount_total, session.currency)
  return layout(
    '3-D Secure 2 test page',
    html`<main class="card">
      <p class="badge">Test mode</p>
      <h1>Confirm it is you</h1>
      <p>
        Your bank asks you to confirm a payment of <strong>${amount}</strong>. On this test page you choose
        how that ends.
      </p>
      <form method="post" class="choices">
        <button type="submit" name="result" value="complete">Complete</button>
        <button type="submit" name="result" value="fail" class="quiet">Fail</button>
      </form>
    </main>`,
  )
}

const CLOSED = {
  complete: ['You’re all done here', 'This payment is complete. Nothing more will be charged.', 'Continue'],
  expired: ['This page has expired', 'The time to pay is over, and nothing was charged.', 'Back to the shop'],
  'not-found': ['Page not found', 'The address may be mistyped, or the checkout is gone.', ''],
} as const

/** A checkout that takes no payment (any more), with the way on when there is one. */
export function closedView(why: keyof typeof CLOSED, wayOn: string | null): Html {
  const [title, text, link] = CLOSED[why]
  return layout(
    title,
    html`<main class="card">
      <p class="badge">Test mode</p>
      <h1>${title}</h1>
      <p>${text}</p>
      ${wayOn && html`<p><a class="button" href="${wayOn}">${link}</a></p>`}
    </main>`,
  )
}

function layout(title: string, body: Html): Html {
  return html`<html lang="en">
    <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta name="color-scheme" content="light dark">
      <meta name="robots" content="noindex">
      <title>${title} · Checkout</title>
      <link rel="icon" href="/checkout/icon.svg">
      <link rel="stylesheet" href="/checkout/styles.css">
    </head>
    <body>
      ${body}
      <footer>A simulated Stripe Checkout. No money moves here.</footer>
    </body>
  </html>`
}
