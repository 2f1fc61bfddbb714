/** A card as typed on the checkout page, once it makes sense. The number itself is never kept. */
export type Card = {
  brand: 'visa' | 'mastercard' | 'amex'
  last4: string
  expMonth: number
  expYear: number
  fingerprint: string
  outcome: Outcome
}

/** What happens when the card is charged (https://docs.stripe.com/testing). */
export type Outcome = 'succeeds' | 'authenticates' | DeclineCode

export type DeclineCode = keyof typeof DECLINES

/** What the page says for each reason of a decline. */
export const DECLINES = {
  generic_decline: 'Your card was declined. Please try a different card.',
  insufficient_funds: 'Your card has insufficient funds. Please try a different card.',
  lost_card: 'Your card was declined. Please try a different card.',
  stolen_card: 'Your card was declined. Please try a different card.',
  expired_card: 'Your card has expired. Please try a different card.',
  incorrect_cvc: "Your card's security code is incorrect.",
  processing_error: 'An error occurred while processing your card. Please try again.',
  live_card: 'Your card was declined. Your request was in test mode, but used a non test card.',
  authentication_failed:
    'We are unable to authenticate your payment method. Please choose a different payment method and try again.',
}

const OUTCOMES: Record<string, Outcome> = {
  '4242424242424242': 'succeeds',
  '4000056655665556': 'succeeds',
  '5555555555554444': 'succeeds',
  '378282246310005': 'succeeds',
  '4000002760003184': 'authenticates',
  '4000002500003155': 'authenticates',
  '4000000000000002': 'generic_decline',
  '4000000000009995': 'insufficient_funds',
  '4000000000009987': 'lost_card',
  '4000000000009979': 'stolen_card',
  '4000000000000069': 'expired_card',
  '4000000000000127': 'incorrect_cvc',
  '4000000000000119': 'processing_error',
}

export type CardForm = { number: string; expiry: string; cvc: string }
export type CardProblems = Partial<Record<keyof CardForm, string>>

/** Reads a typed card: spaces and dashes are fine, and so are `12 / 34`, `1234` and `12/2034`. */
export function readCard(form: CardForm, nowMs: number): Card | CardProblems {
  const number = digits(form.number)
  const expiry = readExpiry(form.expiry)
  const problems: CardProblems = {
    ...problem('number', numberProblem(number)),
    ...problem('expiry', expiryProblem(expiry, form.expiry, nowMs)),
    ...problem('cvc', cvcProblem(form.cvc, brandOf(number))),
  }
  if (!expiry || Object.keys(problems).length > 0) return problems
  return {
    brand: brandOf(number),
    last4: number.slice(-4),
    expMonth: expiry.month,
    expYear: expiry.year,
    fingerprint: fingerprint(number),
    outcome: OUTCOMES[number] ?? 'live_card',
  }
}

/** The number in groups, as on the card: for showing a form again. */
export function groupedNumber(typed: string): string {
  const number = digits(typed)
  if (brandOf(number) !== 'amex') return number.replace(/(.{4})(?=.)/g, '$1 ')
  return [number.slice(0, 4), number.slice(4, 10), number.slice(10)].filter(Boolean).join(' ')
}

/** The date as `12 / 34`; what cannot be read stays as it was typed. */
export function groupedExpiry(typed: string): string {
  const expiry = readExpiry(typed)
  if (!expiry) return typed
  return `${String(expiry.month).padStart(2, '0')} / ${String(expiry.year).slice(-2)}`
}

const problem = (field: keyof CardForm, message: string | null) => (message ? { [field]: message } : {})

const digits = (typed: string) => typed.replace(/[\s-]/g, '')

function brandOf(number: string): Card['brand'] {
  if (/^3[47]/.test(number)) return 'amex'
  return /^(5|2[2-7])/.test(number) ? 'mastercard' : 'visa'
}

function numberProblem(number: string): string | null {
  if (number === '') return 'Required'
  if (!/^\d+$/.test(number)) return 'Your card number is invalid.'
  if (number.length < (brandOf(number) === 'amex' ? 15 : 16)) return 'Your card number is incomplete.'
  return number.length > 19 || !passesLuhn(number) ? 'Your card number is invalid.' : null
}

function passesLuhn(number: string): boolean {
  const sum = [...number].reverse().reduce((total, digit, index) => {
    const value = Number(digit) * (index % 2 === 0 ? 1 : 2)
    return total + (value > 9 ? value - 9 : value)
  }, 0)
  return sum % 10 === 0
}

function readExpiry(typed: string): { month: number; year: number } | null {
  const match = /^(\d{1,2})\s*[/-]\s*(\d{2}|\d{4})$|^(\d{2})(\d{2}|\d{4})$/.exec(typed.trim())
  if (!match) return null
  const month = Number(match[1] ?? match[3])
  const year = Number(match[2] ?? match[4])
  return { month, year: year < 100 ? 2000 + year : year }
}

function expiryProblem(expiry: ReturnType<typeof readExpiry>, typed: string, nowMs: number): string | null {
  if (typed.trim() === '') return 'Required'
  if (!expiry) return "Your card's expiration date is incomplete."
  if (expiry.month < 1 || expiry.month > 12) return "Your card's expiration date is invalid."
  const now = new Date(nowMs)
  if (expiry.year < now.getUTCFullYear()) return "Your card's expiration year is in the past."
  if (expiry.year > now.getUTCFullYear() + 50) return "Your card's expiration year is invalid."
  const isPast = expiry.year === now.getUTCFullYear() && expiry.month < now.getUTCMonth() + 1
  return isPast ? "Your card's expiration date is in the past." : null
}

function cvcProblem(typed: string, brand: Card['brand']): string | null {
  const cvc = typed.trim()
  if (cvc === '') return 'Required'
  if (!/^\d+$/.test(cvc) || cvc.length > 4) return "Your card's security code is invalid."
  return cvc.length < (brand === 'amex' ? 4 : 3) ? "Your card's security code is incomplete." : null
}

function fingerprint(number: string): string {
  return Bun.hash(number).toString(36).padStart(16, '0').slice(0, 16)
}
