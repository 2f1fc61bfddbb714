import { expect } from 'bun:test'
import type { Visitor } from './visitor.ts'

export const CARDS = {
  good: '4242 4242 4242 4242',
  declined: '4000 0000 0000 0002',
  secured: '4000 0027 6000 3184',
}

/** Somebody else's signup through the API, which holds its name. Resolves to where it is paid. */
export async function signUp(shop: string, subdomain: string, plan: string): Promise<string> {
  const answer = await fetch(new URL('/api/signup', shop), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ subdomain, email: `${subdomain}@example.com`, plan }),
  })
  expect(answer.status).toBe(201)
  const { checkout_url } = (await answer.json()) as { checkout_url: string }
  return checkout_url
}

/** Pays somebody else's signup without looking at the pages. Resolves to the page that confirms it. */
export async function payUnseen(checkoutUrl: string): Promise<string> {
  const card = { number: CARDS.good, expiry: '12 / 34', cvc: '123', name: 'Grace' }
  const paid = await fetch(checkoutUrl, {
    method: 'POST',
    body: new URLSearchParams(card),
    redirect: 'manual',
  })
  expect(paid.status).toBe(303)
  const confirmation = paid.headers.get('location') ?? ''
  expect(await (await fetch(confirmation)).text()).toContain('Payment received')
  return confirmation
}

/** From the front page to the form, by choosing a plan. */
export async function choosePlan(visitor: Visitor, shop: string, plan: string): Promise<void> {
  const { page } = visitor
  await page.goto(shop)
  await visitor.look('landing')
  await skipByKeyboard(visitor)
  await page.getByRole('link', { name: `Choose ${plan}` }).click()
  expect(await page.getByRole('radio', { name: plan }).isChecked()).toBe(true)
  await visitor.look('signup')
}

/** The first stop of the keyboard leads past the navigation. */
async function skipByKeyboard({ page }: Visitor): Promise<void> {
  await page.keyboard.press('Tab')
  await page
    .locator(':focus')
    .and(page.getByRole('link', { name: 'Skip to the content' }))
    .waitFor()
  await page.keyboard.press('Enter')
  await page.locator('main:focus').waitFor()
}

/** Names of every kind, each judged while it is typed; `taken` is somebody else's, `free` ends it. */
export async function typeNames(visitor: Visitor, taken: string, free: string): Promise<void> {
  await typeName(visitor, taken, 'This name is taken.')
  await visitor.look('signup-taken')
  await typeName(visitor, 'admin', 'This name is reserved.')
  await typeName(visitor, 'no_good', 'Use only the letters a to z, digits and hyphens.')
  await typeName(visitor, 'adm1n', 'This name looks like a reserved one.')
  await typeName(visitor, free, new RegExp(`${free}\\.localhost:\\d+ is free`))
  await visitor.look('signup-free')
}

async function typeName({ page }: Visitor, name: string, words: string | RegExp): Promise<void> {
  const field = page.getByLabel('Name of your site')
  await field.fill('')
  await field.pressSequentially(name)
  await page.getByRole('status').getByText(words).waitFor()
}

/** Sends a form that can't be accepted, and finds it again as it was typed, with words beside the fields. */
export async function submitBadForm(visitor: Visitor, taken: string): Promise<void> {
  const { page } = visitor
  visitor.watch.intend(422)
  await submitForm(visitor, taken, 'ada at example')
  await page.getByRole('alert').waitFor()
  const name = page.getByLabel('Name of your site')
  const email = page.getByLabel('Email')
  expect(await name.inputValue()).toBe(taken)
  expect(await email.inputValue()).toBe('ada at example')
  expect(await wordsBeside(visitor, 'subdomain')).toContain('This name is taken.')
  expect(await wordsBeside(visitor, 'email')).toContain('Enter an email address')
  await visitor.look('signup-errors')
}

/** What a screen reader says about a field that is wrong. */
async function wordsBeside({ page }: Visitor, field: string): Promise<string | null> {
  expect(await page.locator(`#${field}`).getAttribute('aria-describedby')).toContain(`${field}-error`)
  return page.locator(`#${field}-error`).textContent()
}

export async function submitForm({ page }: Visitor, name: string, email: string): Promise<void> {
  await page.getByLabel('Name of your site').fill(name)
  await page.getByLabel('Email').fill(email)
  await page.getByRole('button', { name: 'Continue to payment' }).click()
}

/** At the checkout: goes back, comes again, has a card declined, pays with another and is thanked. */
export async function checkOut(visitor: Visitor, card: string): Promise<void> {
  const { page } = visitor
  await page.getByRole('heading', { name: /^Subscribe to/ }).waitFor()
  await visitor.look('checkout')
  await page.getByRole('link', { name: 'Back' }).click()
  await page.getByRole('heading', { name: 'One step left: payment' }).waitFor()
  await visitor.look('signup-checkout')
  await page.getByRole('button', { name: 'Continue to payment' }).click()
  visitor.watch.intend(402)
  await payWith(visitor, CARDS.declined)
  await page.getByRole('alert').getByText('Your card was declined.').waitFor()
  await visitor.look('checkout-declined')
  await payWith(visitor, card)
  if (card === CARDS.secured) await authenticate(visitor)
  await page.getByText('A person looks at every signup').waitFor()
  await visitor.look('success-paid')
}

async function payWith({ page }: Visitor, number: string): Promise<void> {
  await page.getByLabel('Card number').fill(number)
  await page.getByLabel('Expiration').fill('12 / 34')
  await page.getByLabel('CVC').fill('123')
  await page.getByLabel('Cardholder name').fill('Ada Lovelace')
  await page.getByRole('button', { name: 'Subscribe' }).click()
}

async function authenticate(visitor: Visitor): Promise<void> {
  await visitor.page.getByRole('heading', { name: 'Confirm it is you' }).waitFor()
  await visitor.look('checkout-3ds')
  await visitor.page.getByRole('button', { name: 'Complete' }).click()
}
