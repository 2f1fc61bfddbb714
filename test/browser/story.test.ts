import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { Browser } from 'playwright-core'
import { describeWith } from '../needs.ts'
import { browseTenants, open, openMail, signIn } from './dashboard.ts'
import { type Demo, startDemo } from './demo.ts'
import { PICTURE_PACE, pictureForDocs } from './docs.ts'
import { followRun } from './run.ts'
import {
  CARDS,
  checkOut,
  choosePlan,
  payUnseen,
  signUp,
  submitBadForm,
  submitForm,
  typeNames,
} from './shop.ts'
import { DESKTOP, openBrowser, PHONE, type Theme, Visitor } from './visitor.ts'

const TEST_TIMEOUT_MS = 150_000
const HOOK_TIMEOUT_MS = 30_000

describeWith('chromium', 'from the landing page to a live site by clicking', (chromium) => {
  let browser: Browser
  beforeAll(async () => {
    browser = await openBrowser(chromium)
  }, HOOK_TIMEOUT_MS)
  afterAll(() => browser.close(), HOOK_TIMEOUT_MS)

  test('in light on a desktop, paying with a plain card', () => live('light', CARDS.good), TEST_TIMEOUT_MS)
  test(
    'in dark on a phone, paying with a 3-D Secure card',
    () => live('dark', CARDS.secured),
    TEST_TIMEOUT_MS,
  )

  async function live(theme: Theme, card: string): Promise<void> {
    const demo = await startDemo(PICTURE_PACE)
    const customer = await Visitor.arrive(browser, theme, theme === 'light' ? DESKTOP : PHONE)
    try {
      await payUnseen(await signUp(demo.shop, 'grace', 'pro'))
      await buy(customer, demo, card)
      const operator = await signIn(await customer.newTab(), demo)
      await approve(operator, theme)
      await customer.page.getByText('Your site is live').waitFor()
      await customer.look('success-live')
      await readOverview(operator)
      await browseTenants(operator, 'ada', 'grace')
      await readTenant(operator)
      await visitSite(await customer.newTab(), demo)
      await signOut(operator)
      expect(customer.watch.report()).toEqual([])
    } finally {
      await customer.context.close()
      await demo.stop()
    }
  }
})

async function buy(customer: Visitor, { shop }: Demo, card: string): Promise<void> {
  await choosePlan(customer, shop, 'Starter')
  await typeNames(customer, 'grace', 'ada')
  await submitBadForm(customer, 'grace')
  await submitForm(customer, 'ada', 'ada@example.com')
  await checkOut(customer, card)
}

/** Approves both, grace's in passing, and follows ada's step by step. */
async function approve(operator: Visitor, theme: Theme): Promise<void> {
  const { page } = operator
  await operator.look('overview')
  await page.getByRole('button', { name: 'Approve grace' }).click()
  await page.getByRole('heading', { name: 'Provision grace' }).waitFor()
  await open(operator, 'Signups')
  await operator.look('signups')
  await page.getByRole('button', { name: 'Approve ada' }).click()
  await page.getByRole('heading', { name: 'Provision ada' }).waitFor()
  const following = followRun(operator)
  await page.getByText('Waiting at “Wait for the name servers”').waitFor()
  await pictureForDocs(operator, 'screenshot', theme)
  await operator.look('run-under-way')
  const { steps, ...kept } = await following
  expect(steps).toContain('Wait for the first boot and verify the host key')
  expect(steps).toContain('Wait for the name servers')
  expect(steps).toContain('Start the app')
  expect(kept).toEqual({ samePage: true, sameFocus: true })
  await page.getByText(/^Finished after/).waitFor()
  await operator.look('run')
}

async function readOverview(operator: Visitor): Promise<void> {
  await open(operator, 'Overview')
  await operator.page
    .getByText('Nothing. Paid signups, failed runs and tenants that are down appear here')
    .waitFor()
  await operator.look('overview-calm')
  await open(operator, 'Runs')
  await operator.look('runs')
}

async function readTenant(operator: Visitor): Promise<void> {
  const { page } = operator
  await page.getByRole('link', { name: 'ada', exact: true }).click()
  await page.getByRole('heading', { name: 'Timeline' }).waitFor()
  await page.getByRole('link', { name: 'The whole story' }).click()
  await page.getByLabel('Kind').selectOption('Effects out')
  await page.waitForURL(/kind=effect/)
  const entries = page.getByRole('list', { name: 'Entries, newest first' }).getByRole('listitem')
  await operator.look('timeline-effects')
  const told = (await entries.allInnerTexts()).join()
  for (const effect of ['Hetzner: ensure server', 'Route 53: upsert record', 'SSH: start']) {
    expect(told).toContain(effect)
  }
  await operator.look('tenant')
}

/** From the welcome mail to the site, and to what its health check says. */
async function visitSite(customer: Visitor, demo: Demo): Promise<void> {
  const { page } = customer
  const link = await openMail(customer, demo, 'ada@example.com', /is live/)
  await customer.look('mail-welcome')
  await page.getByRole('link', { name: 'Text', exact: true }).click()
  await page.locator('pre').getByRole('link', { name: 'ada.localhost' }).waitFor()
  await customer.look('mail-welcome-text')
  await page.getByRole('link', { name: 'HTML', exact: true }).click()
  const site = await link('ada.localhost')
  expect(new URL(site.page.url()).hostname).toBe('ada.localhost')
  await site.look('site')
  const health = await site.page.goto(new URL('/health', site.page.url()).href)
  expect(health?.status()).toBe(200)
}

async function signOut(operator: Visitor): Promise<void> {
  const { page } = operator
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  await page.goto(new URL('/admin/tenants', page.url()).href)
  expect(new URL(page.url()).pathname).toBe('/login')
  operator.watch.intend(404)
  await page.goto(new URL('/nothing/here', page.url()).href)
  await page.getByRole('heading', { name: 'Not found' }).waitFor()
  await operator.look('not-found')
}
