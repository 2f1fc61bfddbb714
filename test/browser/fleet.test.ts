import { expect, test } from 'bun:test'
import { describeWith } from '../needs.ts'
import { open, signIn } from './dashboard.ts'
import { startDemo } from './demo.ts'
import { DESKTOP, openBrowser, Visitor } from './visitor.ts'

const TENANTS = 60
const TEST_TIMEOUT_MS = 60_000

describeWith('chromium', 'a dashboard over many tenants', (chromium) => {
  const title = 'pages, sorts and searches them, and remembers how in its address'
  test(
    title,
    async () => {
      const demo = await startDemo({ tenants: TENANTS })
      const browser = await openBrowser(chromium)
      try {
        const visitor = await Visitor.arrive(browser, 'light', DESKTOP)
        const operator = await signIn(visitor, demo)
        await operator.page.getByRole('link', { name: `${TENANTS}`, exact: true }).waitFor()
        await operator.look('overview-fleet')
        await browse(operator)
        expect(visitor.watch.report()).toEqual([])
      } finally {
        await browser.close()
        await demo.stop()
      }
    },
    TEST_TIMEOUT_MS,
  )
})

async function browse(operator: Visitor): Promise<void> {
  const { page } = operator
  await open(operator, 'Tenants')
  await page.getByRole('heading', { name: `1 to 50 of ${TENANTS} tenants` }).waitFor()
  await operator.look('tenants-fleet')
  await page.getByRole('columnheader', { name: 'Name' }).getByRole('link').click()
  await page.getByRole('columnheader', { name: 'Name' }).and(page.locator('[aria-sort=ascending]')).waitFor()
  const first = await names(operator)
  expect(first).toEqual([...first].sort())
  await page.getByRole('link', { name: 'Next' }).click()
  await page.getByRole('heading', { name: `51 to ${TENANTS} of ${TENANTS} tenants` }).waitFor()
  const second = await names(operator)
  expect(new Set([...first, ...second]).size).toBe(TENANTS)
  expect(second[0]! > first.at(-1)!).toBe(true)
  await page.getByLabel('Name or email').fill(second[3]!)
  await page.getByText(/^\d+ tenants?$/).waitFor()
  expect(await names(operator)).toContain(second[3]!)
  await page.reload()
  expect(await page.getByLabel('Name or email').inputValue()).toBe(second[3]!)
  expect(await names(operator)).toContain(second[3]!)
}

function names({ page }: Visitor): Promise<string[]> {
  return page.locator('tbody .row-link').allInnerTexts()
}
