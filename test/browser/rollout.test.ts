import { expect, test } from 'bun:test'
import { describeWith } from '../needs.ts'
import { open, signIn } from './dashboard.ts'
import { startDemo } from './demo.ts'
import { inPage } from './in-page.ts'
import { DESKTOP, openBrowser, Visitor } from './visitor.ts'

const TENANTS = 200
const TEST_TIMEOUT_MS = 240_000
const ROLLOUT_MS = 120_000

describeWith('chromium', 'a rollout', (chromium) => {
  test(
    'fails at its canary and goes back by itself; then the fixed release reaches everybody',
    async () => {
      const demo = await startDemo({ tenants: TENANTS })
      const browser = await openBrowser(chromium)
      try {
        const visitor = await Visitor.arrive(browser, 'light', DESKTOP)
        const operator = await signIn(visitor, demo)
        await failAtCanary(operator)
        await shipTheFix(operator)
        expect(visitor.watch.report()).toEqual([])
      } finally {
        await browser.close()
        await demo.stop()
      }
    },
    TEST_TIMEOUT_MS,
  )
})

/** v44 crashes at its start. */
async function failAtCanary(operator: Visitor): Promise<void> {
  const { page } = operator
  await open(operator, 'Rollouts')
  await page.getByText('No rollouts yet').waitFor()
  await operator.look('rollouts-empty')
  await page.getByRole('link', { name: 'Deploy a release', exact: true }).click()
  await page.getByLabel('Tag').fill('v 44')
  operator.watch.intend(422)
  await page.getByRole('button', { name: 'Show what would happen' }).click()
  await page.getByText('Must be the tag of an image').first().waitFor()
  await operator.look('deploy-wrong')
  await fillIn(operator, { Tag: 'v44', Notes: 'Search, twice as fast.' }, 'Leaves the data as it is')
  await page.getByRole('heading', { name: 'What would happen' }).waitFor()
  await page.getByText('When it fails, it goes back by itself').waitFor()
  await operator.look('deploy-planned')
  await page.getByRole('button', { name: `Start: v44 to ${TENANTS} tenants` }).click()
  await page.getByRole('heading', { name: 'Rollout of v44' }).waitFor()
  expect(await squares(operator)).toHaveLength(TENANTS)
  await page.locator('.squares a.f').waitFor({ timeout: ROLLOUT_MS })
  await status(operator, 'rolled back')
  expect(await count(operator)).toEqual({ f: 1, w: TENANTS - 1 })
  await page.getByText('It stopped by itself: 1 tenant failed by wave 1 of 4.').waitFor()
  await operator.look('rollout-rolled-back')
  await page.locator('.squares a.f').click()
  await page.getByRole('heading', { name: /^Deploy to / }).waitFor()
  await operator.look('run-deploy-failed')
}

async function shipTheFix(operator: Visitor): Promise<void> {
  const { page } = operator
  await open(operator, 'Rollouts')
  await operator.look('rollouts')
  await page.getByRole('link', { name: 'Deploy a release', exact: true }).click()
  const fast = {
    Waves: '1 / 10 % / 100 %',
    'At a time': '50',
    'Watch each wave': '0',
    'Stop at failures': '50',
  }
  await fillIn(operator, { Tag: 'v45', ...fast }, 'Leaves the data as it is')
  await page.getByRole('button', { name: `Start: v45 to ${TENANTS} tenants` }).click()
  await page.getByRole('heading', { name: 'Rollout of v45' }).waitFor()
  await page.locator('.squares a.d').first().waitFor({ timeout: ROLLOUT_MS })
  await page.locator('.squares a.s').nth(5).waitFor({ timeout: ROLLOUT_MS })
  await operator.look('rollout-at-work')
  await status(operator, 'succeeded')
  expect(await count(operator)).toEqual({ s: TENANTS })
  await page.getByText(`${TENANTS} tenants got v45 in`).waitFor()
  await operator.look('rollout-succeeded')
  await page.getByRole('link', { name: `Has it ${TENANTS}` }).click()
  await page.getByRole('heading', { name: `1 to 50 of ${TENANTS} tenants` }).waitFor()
  await operator.look('rollout-targets')
  await page.locator('tbody .row-link').first().click()
  await page.getByText(/^v45 of virtues, since/).waitFor()
  await operator.look('tenant-deployed')
}

async function fillIn({ page }: Visitor, fields: Record<string, string>, migration: string): Promise<void> {
  for (const [label, value] of Object.entries(fields))
    await page.getByLabel(label, { exact: true }).fill(value)
  await page.getByLabel('Migration').selectOption(migration)
  await page.getByRole('button', { name: 'Show what would happen' }).click()
}

/** The page says so by itself. */
async function status({ page }: Visitor, words: string): Promise<void> {
  await page.locator('h1 + .badge', { hasText: words }).waitFor({ timeout: ROLLOUT_MS })
}

/** The states of the squares, as they are drawn now. */
function squares({ page }: Visitor): Promise<string[]> {
  return inPage(page, "[...document.querySelectorAll('.squares a')].map((square) => square.className)")
}

async function count(operator: Visitor): Promise<Record<string, number>> {
  const groups = Object.groupBy(await squares(operator), (state) => state)
  return Object.fromEntries(Object.entries(groups).map(([state, all = []]) => [state, all.length]))
}
