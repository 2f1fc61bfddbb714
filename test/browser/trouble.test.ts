import { afterEach, beforeEach, expect, test } from 'bun:test'
import type { Browser } from 'playwright-core'
import { describeWith } from '../needs.ts'
import { enter, open } from './dashboard.ts'
import { type Demo, startDemo } from './demo.ts'
import { followRun } from './run.ts'
import { payUnseen, signUp } from './shop.ts'
import { passMinute, refuse, removeFaults } from './simulator.ts'
import { DESKTOP, openBrowser, PHONE, Visitor } from './visitor.ts'

const TEST_TIMEOUT_MS = 90_000
const HOOK_TIMEOUT_MS = 30_000
const LONG_NAME = 'the-honourable-ada-lovelace-1815'

describeWith('chromium', 'a provisioning that fails, by clicking', (chromium) => {
  let browser: Browser
  let demo: Demo

  beforeEach(async () => {
    browser = await openBrowser(chromium)
    demo = await startDemo()
  }, HOOK_TIMEOUT_MS)
  afterEach(async () => {
    await browser.close()
    await demo.stop()
  }, HOOK_TIMEOUT_MS)

  const asks = 'says why and what to do, and goes on where it stopped once that is mended'
  test(asks, retry, TEST_TIMEOUT_MS)
  test('is undone after its name was typed, once caches have forgotten the record', undo, TEST_TIMEOUT_MS)

  async function retry(): Promise<void> {
    const confirmation = await payUnseen(await signUp(demo.shop, LONG_NAME, 'starter'))
    const visitor = await Visitor.arrive(browser, 'light', DESKTOP)
    const operator = await enter(visitor, demo)
    const tab = await visitor.newTab()
    await refuse(tab, demo, {
      provider: 'hetzner',
      verb: 'POST /servers',
      status: '412',
      code: 'resource_unavailable',
      times: '5',
    })
    await tab.look('simulator-faults')
    await approveAndFail(operator, LONG_NAME)
    const { page } = operator
    await page
      .getByRole('alert')
      .getByText(/no free server/)
      .waitFor()
    await page.getByText('Stopped at “Create the server”').waitFor()
    await operator.look('run-failed-long-name')
    await page.getByRole('link', { name: LONG_NAME }).click()
    await page.getByText(/^Provision .*: stopped$/).waitFor()
    await operator.look('tenant-failed-long-name')
    await page.getByRole('link', { name: 'See the run' }).first().click()
    const customer = await visitor.newTab()
    await customer.page.goto(confirmation)
    await customer.page.getByText('A step did not work').waitFor()
    await customer.look('success-failed')
    await removeFaults(tab, demo)
    await page.getByRole('button', { name: 'Retry' }).click()
    const { samePage } = await followRun(operator)
    expect(samePage).toBe(true)
    await page.getByText(/^Finished after/).waitFor()
    expect(await page.getByRole('alert').count()).toBe(0)
    await customer.page.getByRole('heading', { name: 'Your site is live' }).waitFor()
    await tab.page.goto(demo.simulator)
    await tab.page.getByRole('cell', { name: 'app running' }).waitFor()
    await tab.look('simulator')
    await tab.page.getByRole('link', { name: 'Calls', exact: true }).click()
    await tab.page.locator('summary').first().click()
    await tab.look('simulator-calls')
    expect(visitor.watch.report()).toEqual([])
  }

  async function undo(): Promise<void> {
    await payUnseen(await signUp(demo.shop, 'cleo', 'pro'))
    const visitor = await Visitor.arrive(browser, 'dark', PHONE)
    const operator = await enter(visitor, demo)
    const tab = await visitor.newTab()
    await refuse(tab, demo, { provider: 'machine', verb: 'start', code: 'conflict' })
    await tab.look('simulator-faults')
    await approveAndFail(operator, 'cleo')
    await operator.look('run-failed')
    await readFailure(operator)
    await confirmUndo(operator)
    const { page } = operator
    await page.getByText('Waiting until caches have forgotten the record.').first().waitFor()
    await operator.look('run-undoing')
    await passMinute(tab, demo)
    await passMinute(tab, demo)
    await page.getByText(/^Undone after/).waitFor()
    await operator.look('run-undone')
    await tab.page.goto(demo.simulator)
    await tab.page.getByText('No server yet.').waitFor()
    await tab.page.getByText('No record yet.').waitFor()
    await open(operator, 'Overview')
    await page.getByRole('button', { name: 'Approve cleo' }).waitFor()
    await open(operator, 'Tenants')
    await operator.look('tenants-deleted')
    expect(visitor.watch.report()).toEqual([])
  }
})

async function approveAndFail(operator: Visitor, name: string): Promise<void> {
  const { page } = operator
  await page.getByRole('button', { name: `Approve ${name}` }).click()
  await page.getByRole('heading', { name: `Provision ${name}` }).waitFor()
  await page.getByText(/^Stopped at/).waitFor()
}

/** The failure as the overview and the tenant's own page tell it. */
async function readFailure(operator: Visitor): Promise<void> {
  const { page } = operator
  await open(operator, 'Overview')
  await page.getByRole('button', { name: 'Retry Provision cleo' }).waitFor()
  await operator.look('overview-failed')
  await open(operator, 'Tenants')
  await page.getByRole('link', { name: 'cleo', exact: true }).click()
  await page.getByText(/^Provision .*: stopped$/).waitFor()
  await operator.look('tenant-failed')
}

/** The page before the undo: another name is refused, the right one is obeyed. */
async function confirmUndo(operator: Visitor): Promise<void> {
  const { page, watch } = operator
  await page.getByRole('link', { name: 'Undo…' }).click()
  await page.getByText('The DNS record cleo.localhost').waitFor()
  await operator.look('undo')
  const field = page.getByLabel('Type cleo to confirm')
  watch.intend(422)
  await field.fill('leo')
  await page.getByRole('button', { name: 'Undo and remove' }).click()
  await page.getByText('Type cleo to make sure that this is the one.').waitFor()
  expect(await field.inputValue()).toBe('leo')
  await operator.look('undo-refused')
  await field.fill('cleo')
  await page.getByRole('button', { name: 'Undo and remove' }).click()
}
