import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { Browser } from 'playwright-core'
import { describeWith } from '../needs.ts'
import { CARDS, choosePlan, payWith, submitSignup, typeName } from './customer.ts'
import { type Demo, startDemo } from './demo.ts'
import { open, signIn } from './operator.ts'
import { DESKTOP, openBrowser, PHONE, type Theme, Visitor } from './visitor.ts'

const TEST_TIMEOUT_MS = 110_000

describeWith('chromium', 'from the landing page to a live site by clicking', (chromium) => {
  let browser: Browser
  beforeAll(async () => {
    browser = await openBrowser(chromium)
  })
  afterAll(() => browser.close())

  test('in light on a desktop, paying with a plain card', () => live('light', CARDS.good), TEST_TIMEOUT_MS)
  test(
    'in dark on a phone, paying with a 3-D Secure card',
    () => live('dark', CARDS.secured),
    TEST_TIMEOUT_MS,
  )

  async function live(theme: Theme, card: string): Promise<void> {
    const demo = await startDemo()
    const visitor = await Visitor.arrive(browser, theme, theme === 'light' ? DESKTOP : PHONE)
    try {
      await hold(demo, 'grace')
      await choosePlan(visitor, demo.shop, 'Starter')
      await nameIsJudged(visitor)
      await badFormIsKept(visitor)
      await pay(visitor, card)
      const operator = await signIn(await visitor.newTab(), demo)
      await operator.look('overview')
      await open(operator, 'Signups')
      await operator.look('signups')
      await operator.page.getByRole('button', { name: 'Approve ada' }).click()
      await followRun(operator)
      await visitor.page.getByText('Your site is live').waitFor()
      await visitor.look('success-live')
      expect(visitor.watch.report()).toEqual([])
    } finally {
      await visitor.context.close()
      await demo.stop()
    }
  }
})

/** Somebody else's signup, not paid yet, that holds its name. */
async function hold({ shop }: Demo, subdomain: string): Promise<void> {
  const signup = { subdomain, email: `${subdomain}@example.com`, plan: 'pro' }
  const answer = await fetch(new URL('/api/signup', shop), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(signup),
  })
  expect(answer.status).toBe(201)
}

async function nameIsJudged(visitor: Visitor): Promise<void> {
  await typeName(visitor, 'grace', 'This name is taken.')
  await visitor.look('signup-taken')
  await typeName(visitor, 'admin', 'This name is reserved.')
  await typeName(visitor, 'no_good', 'Use only the letters a to z, digits and hyphens.')
  await typeName(visitor, 'adm1n', 'looks like a reserved one')
  await typeName(visitor, 'ada', /ada\.localhost:\d+ is free/)
  await visitor.look('signup-free')
}

async function badFormIsKept(visitor: Visitor): Promise<void> {
  const { page } = visitor
  visitor.watch.intend(422)
  await submitSignup(visitor, 'grace', 'ada at example')
  await page.getByRole('alert').waitFor()
  expect(await page.getByLabel('Name of your site').inputValue()).toBe('grace')
  expect(await page.getByLabel('Email').inputValue()).toBe('ada at example')
  await visitor.look('signup-errors')
}

async function pay(visitor: Visitor, card: string): Promise<void> {
  const { page } = visitor
  await submitSignup(visitor, 'ada', 'ada@example.com')
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
  if (card === CARDS.secured) {
    await page.getByRole('heading', { name: 'Confirm it is you' }).waitFor()
    await visitor.look('checkout-3ds')
    await page.getByRole('button', { name: 'Complete' }).click()
  }
  await page.getByRole('heading', { name: 'Thank you' }).waitFor()
  await page.getByText('A person looks at every signup.').waitFor()
  await visitor.look('success-paid')
}

async function followRun(operator: Visitor): Promise<void> {
  const { page } = operator
  await page.getByRole('heading', { name: 'Provision ada' }).waitFor()
  await page.getByText('Waiting at “Wait for the name servers”').waitFor()
  await operator.look('run-running')
  await page.getByText(/^Finished after/).waitFor()
  await operator.look('run-done')
}
