import { expect, test } from 'bun:test'
import { openDataBeside } from '../../src/atlas/data-dir.ts'
import { describeWith } from '../needs.ts'
import { enter, open } from './dashboard.ts'
import { type Demo, startDemo } from './demo.ts'
import { inPage } from './in-page.ts'
import { DESKTOP, openBrowser, PHONE, Visitor } from './visitor.ts'

const TENANTS = 60
const CROWD = 10_000
const LOST = 100
const BYTES_MAX = 100_000
const ELEMENTS_MAX = 3_000
const TEST_TIMEOUT_MS = 120_000

describeWith('chromium', 'a dashboard over many tenants', (chromium) => {
  const title = 'pages, sorts and searches them, and remembers how in its address'
  test(
    title,
    async () => {
      const demo = await startDemo({ tenants: TENANTS })
      const browser = await openBrowser(chromium)
      try {
        const visitor = await Visitor.arrive(browser, 'light', DESKTOP)
        const operator = await enter(visitor, demo)
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

  test(
    'stays calm with ten thousand of them and two hundred findings of drift',
    async () => {
      const demo = await startDemo({ tenants: LOST + 50 })
      const browser = await openBrowser(chromium)
      try {
        joinCrowd(demo, CROWD)
        const visitor = await Visitor.arrive(browser, 'dark', PHONE)
        const operator = await enter(visitor, demo)
        await operator.look('overview-crowd')
        await staysSmall(operator)
        await pageThrough(operator)
        await loseServers(demo, LOST)
        await readDrift(operator)
        await readTenant(operator)
        await rollOut(operator)
        expect(visitor.watch.report()).toEqual([])
      } finally {
        await browser.close()
        await demo.stop()
      }
    },
    TEST_TIMEOUT_MS,
  )
})

async function pageThrough(operator: Visitor): Promise<void> {
  const { page } = operator
  await open(operator, 'Tenants')
  await page.getByRole('heading', { name: '1 to 50 of 10,000 tenants' }).waitFor()
  await operator.look('tenants-crowd')
  await staysSmall(operator)
  await page.goto(`${page.url()}?page=200`)
  await page.getByRole('heading', { name: '9,951 to 10,000 of 10,000 tenants' }).waitFor()
  expect(await page.getByRole('link', { name: 'Next' }).count()).toBe(0)
  await page.getByLabel('Name or email').fill('crowd-77')
  await page.getByRole('heading', { name: '1 to 50 of 110 tenants' }).waitFor()
}

async function readDrift(operator: Visitor): Promise<void> {
  const { page } = operator
  await open(operator, 'Drift')
  await page.getByRole('button', { name: 'Look now' }).click()
  await page.getByRole('heading', { name: `1 to 50 of ${2 * LOST} findings` }).waitFor()
  await operator.look('drift-crowd')
  await staysSmall(operator)
  expect(await findings(operator)).toHaveLength(50)
  await page.getByRole('link', { name: 'Next' }).click()
  await page.getByRole('heading', { name: `51 to 100 of ${2 * LOST} findings` }).waitFor()
  await page.getByRole('link', { name: /^Tenants whose server is gone/ }).click()
  await page.getByRole('heading', { name: `1 to 50 of ${LOST} findings` }).waitFor()
  for (const titles of await findings(operator)) expect(titles).toContain('has no server')
}

/** The page and timeline of a tenant whose server is gone. */
async function readTenant(operator: Visitor): Promise<void> {
  const { page } = operator
  await page
    .getByRole('link', { name: /^Open / })
    .first()
    .click()
  await page.getByRole('heading', { name: 'Server' }).waitFor()
  await staysSmall(operator)
  await page.goto(`${page.url()}/timeline`)
  await page.getByRole('heading', { name: 'Timeline' }).waitFor()
  await staysSmall(operator)
}

/** To everybody: a tile stands for a hundred of them, and leads to their list. */
async function rollOut(operator: Visitor): Promise<void> {
  const { page } = operator
  await page.goto(new URL('/admin/deploy?blueprint=virtues', page.url()).href)
  await page.getByLabel('Tag', { exact: true }).fill('v43')
  await page.getByLabel('Waves', { exact: true }).fill('1 / 100 %')
  await page.getByLabel('Migration').selectOption('none')
  await page.getByRole('button', { name: 'Show what would happen' }).click()
  await page.getByRole('heading', { name: 'What would happen' }).waitFor()
  await staysSmall(operator)
  await page.getByRole('button', { name: /^Start: v43/ }).click()
  await page.getByRole('heading', { name: 'Rollout of v43' }).waitFor()
  await page.getByText(/of 10,000 tenants$/).waitFor()
  await operator.look('rollout-crowd')
  await staysSmall(operator)
  expect(await page.locator('.squares').count()).toBe(0)
  await page.getByRole('link', { name: 'Set aside 100', exact: true }).last().click()
  await page.getByRole('heading', { name: /^9,\d01 to 9,\d50 of 10,000 tenants$/ }).waitFor()
  await staysSmall(operator)
  await page.getByLabel('State').selectOption('Waiting')
  await page.getByRole('heading', { name: /^1 to 50 of 1\d\d tenants$/ }).waitFor()
}

/** However many tenants there are, a page is a page. */
async function staysSmall({ page, context }: Visitor): Promise<void> {
  const markup = await (await context.request.get(page.url())).text()
  const elements = await inPage<number>(page, "document.querySelectorAll('*').length")
  expect([page.url(), markup.length < BYTES_MAX, elements < ELEMENTS_MAX]).toEqual([page.url(), true, true])
}

function findings({ page }: Visitor): Promise<string[]> {
  return page.locator('.finding strong').allInnerTexts()
}

/** Further tenants up to this many, whose servers are still to be made: rows only, as nobody asks them anything. */
function joinCrowd({ data }: Demo, size: number): void {
  const db = openDataBeside(data)
  try {
    db.sqlite.run(
      `WITH RECURSIVE line (place) AS (
         SELECT (SELECT count(*) FROM tenants) + 1 UNION ALL SELECT place + 1 FROM line WHERE place < ${size}
       )
       INSERT INTO tenants (id, organization_id, plan_id, blueprint, subdomain, skeleton, release, status, data_key,
         created_at, updated_at)
       SELECT 'ten_' || place, organization_id, plan_id, blueprint, 'crowd-' || place, 'crowd-' || place, release,
         'provisioning', data_key, created_at - place, updated_at
       FROM line, (SELECT * FROM tenants LIMIT 1)`,
    )
  } finally {
    db.close()
  }
}

/** Deletes servers at Hetzner behind Atlas's back, the oldest first. */
async function loseServers({ simulator }: Demo, count: number): Promise<void> {
  const state = await (await fetch(new URL('/control/state.json', simulator))).json()
  for (const { id } of (state as { servers: { id: string }[] }).servers.slice(0, count)) {
    const lost = await fetch(new URL(`/control/servers/${id}/loss`, simulator), {
      method: 'POST',
      redirect: 'manual',
    })
    expect(lost.status).toBe(303)
  }
}

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
