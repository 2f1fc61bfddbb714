import { expect, test } from 'bun:test'
import { describeWith } from '../needs.ts'
import { enter, open } from './dashboard.ts'
import { type Demo, startDemo } from './demo.ts'
import { countSquares, watchRollout } from './rollout.ts'
import { control } from './simulator.ts'
import { DESKTOP, openBrowser, Visitor } from './visitor.ts'

const TENANTS = 200
const SPEED = 100
const TEST_TIMEOUT_MS = 240_000
const WATCHED_MS = 600_000

describeWith('chromium', 'a rollout', (chromium) => {
  test(
    'fails at its canary and goes back by itself; then the fixed release reaches everybody',
    async () => {
      const demo = await startDemo({ tenants: TENANTS, speed: SPEED })
      const browser = await openBrowser(chromium)
      try {
        const visitor = await Visitor.arrive(browser, 'light', DESKTOP)
        const operator = await enter(visitor, demo)
        await failAtCanary(operator)
        await shipTheFix(operator, demo)
        await deployToOne(operator)
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
  await fillIn(operator, { Tag: 'v44', Notes: 'Search, twice as fast.' })
  await page.getByText('When it fails, it goes back by itself').waitFor()
  await operator.look('deploy-planned')
  await start(operator, 'v44')
  expect(Object.values(await countSquares(operator)).reduce((sum, count) => sum + count)).toBe(TENANTS)
  await watchRollout(operator, /nobody runs v44 because of it any more/)
  expect(await countSquares(operator)).toEqual({ f: 1, w: TENANTS - 1 })
  await page.getByText('It stopped by itself: 1 tenant failed by wave 1 of 4.').waitFor()
  await operator.look('rollout-rolled-back')
  await page.locator('.squares a.f').click()
  await page.getByRole('heading', { name: /^Deploy to / }).waitFor()
  await page.getByText('The app crashes again and again').waitFor()
  await operator.look('run-deploy-failed')
  await page.getByRole('link', { name: 'rollout of v44' }).click()
}

/** v45 does well. Its canary is watched for ten minutes, and so is everybody else. */
async function shipTheFix(operator: Visitor, demo: Demo): Promise<void> {
  const { page } = operator
  await page.getByRole('link', { name: 'deploy the next release' }).click()
  await fillIn(operator, { Tag: 'v45', Waves: '1 / 100 %', 'At a time': '50', 'Stop at failures': '50' })
  await start(operator, 'v45')
  await watchRollout(operator, /The tenants of wave 1 of 2 have it/)
  expect(await countSquares(operator)).toEqual({ s: 1, w: TENANTS - 1 })
  await operator.look('rollout-baking')
  const watched = watchRollout(operator, /The tenants of wave 2 of 2 have it/)
  await control(demo, 'clock', { advance_ms: WATCHED_MS })
  const { states, mostAtOnce, sameSquares } = await watched
  expect({ states, sameSquares }).toEqual({ states: ['d', 's', 'w'], sameSquares: true })
  expect(mostAtOnce).toBeWithin(2, 51)
  await control(demo, 'clock', { advance_ms: WATCHED_MS })
  await watchRollout(operator, /200 tenants got v45 in/)
  expect(await countSquares(operator)).toEqual({ s: TENANTS })
  await operator.look('rollout-succeeded')
}

/** v46 fails its smoke check. */
async function deployToOne(operator: Visitor): Promise<void> {
  const { page } = operator
  await page.getByRole('link', { name: `Has it ${TENANTS}` }).click()
  await page.getByRole('heading', { name: `1 to 50 of ${TENANTS} tenants` }).waitFor()
  await operator.look('rollout-targets')
  await page.locator('tbody .row-link').first().click()
  await page.getByText(/^v45 of virtues, since/).waitFor()
  await page.getByRole('link', { name: 'Deploy a release…' }).click()
  await page.getByRole('heading', { name: /^Deploy a release to / }).waitFor()
  await operator.look('deployment')
  await fillIn(operator, { Tag: 'v46' })
  await page.getByText('When it fails, it goes back to v45 by itself').waitFor()
  await operator.look('deployment-planned')
  await page.getByRole('button', { name: 'Deploy v46', exact: true }).click()
  await page.getByText(/^Stopped at “Pull, migrate, switch over” after/).waitFor()
  await page.getByText('Going back to release v45').waitFor()
  await page.locator('.run-facts a').first().click()
  await page.getByText(/^v45 of virtues, since/).waitFor()
  await operator.look('tenant-deployed')
}

async function fillIn({ page }: Visitor, fields: Record<string, string>): Promise<void> {
  for (const [label, value] of Object.entries(fields))
    await page.getByLabel(label, { exact: true }).fill(value)
  await page.getByLabel('Migration').selectOption('none')
  await page.getByRole('button', { name: 'Show what would happen' }).click()
  await page.getByRole('heading', { name: 'What would happen' }).waitFor()
}

async function start({ page }: Visitor, tag: string): Promise<void> {
  await page.getByRole('button', { name: `Start: ${tag} to ${TENANTS} tenants` }).click()
  await page.getByRole('heading', { name: `Rollout of ${tag}` }).waitFor()
}
