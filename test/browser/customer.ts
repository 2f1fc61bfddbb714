import { expect } from 'bun:test'
import type { Visitor } from './visitor.ts'

export const CARDS = {
  good: '4242 4242 4242 4242',
  declined: '4000 0000 0000 0002',
  secured: '4000 0027 6000 3184',
}

/** Chooses a plan on the front page; leaves the visitor at the form. */
export async function choosePlan(visitor: Visitor, shop: string, plan: string): Promise<void> {
  const { page } = visitor
  await page.goto(shop)
  await visitor.look('landing')
  await page.getByRole('link', { name: `Choose ${plan}` }).click()
  expect(await page.getByRole('radio', { name: plan }).isChecked()).toBe(true)
  await visitor.look('signup')
}

/** Types a name as a person does and waits for the words under the field. */
export async function typeName({ page }: Visitor, name: string, words: string | RegExp): Promise<void> {
  const field = page.getByLabel('Name of your site')
  await field.fill('')
  await field.pressSequentially(name)
  await page.getByRole('status').getByText(words).waitFor()
}

/** Fills in the form and presses its button. */
export async function submitSignup({ page }: Visitor, name: string, email: string): Promise<void> {
  await page.getByLabel('Name of your site').fill(name)
  await page.getByLabel('Email').fill(email)
  await page.getByRole('button', { name: 'Continue to payment' }).click()
}

/** Pays on the checkout page and leaves the visitor wherever that leads. */
export async function payWith({ page }: Visitor, number: string): Promise<void> {
  await page.getByLabel('Card number').fill(number)
  await page.getByLabel('Expiration').fill('12 / 34')
  await page.getByLabel('CVC').fill('123')
  await page.getByLabel('Cardholder name').fill('Ada Lovelace')
  await page.getByRole('button', { name: 'Subscribe' }).click()
}
