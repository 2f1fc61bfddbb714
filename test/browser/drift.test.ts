import { expect, test } from 'bun:test'
import { describeWith } from '../needs.ts'
import { enter, open } from './dashboard.ts'
import { type Demo, startDemo } from './demo.ts'
import { DESKTOP, openBrowser, Visitor } from './visitor.ts'

const TENANTS = 12
const TEST_TIMEOUT_MS = 90_000

describeWith('chromium', 'drift', (chromium) => {
  test(
    'is found, waits for a second look before anything is deleted, and is mended at a click',
    async () => {
      const demo = await startDemo({ tenants: TENANTS })
      const browser = await openBrowser(chromium)
      try {
        const visitor = await Visitor.arrive(browser, 'light', DESKTOP)
        const operator = await enter(visitor, demo)
        await story(operator, await visitor.newTab(), demo)
        expect(visitor.watch.report()).toEqual([])
      } finally {
        await browser.close()
        await demo.stop()
      }
    },
    TEST_TIMEOUT_MS,
  )
})

async function story(operator: Visitor, control: Visitor, demo: Demo): Promise<void> {
  const { page } = operator
  await open(operator, 'Drift')
  await operator.look('drift-never')
  await lookNow(operator)
  await page.getByText('Everything agrees').waitFor()
  await operator.look('drift-calm')
  const lost = await makeTrouble(control, demo)
  await lookNow(operator)
  await titled(operator, `${lost} has no server`).waitFor()
  await titled(operator, 'Server stray-1 has this Atlas’s label').waitFor()
  await page.reload()
  await page.getByRole('link', { name: /^Drift 4/ }).waitFor()
  expect(await page.getByRole('link', { name: /^Delete the server/ }).count()).toBe(0)
  await operator.look('drift-first-sighting')
  await searchFor(operator, 'stray-1')
  await passHour(control, demo)
  await lookNow(operator)
  await page.getByRole('link', { name: /^Unknown servers/ }).click()
  await page.getByRole('heading', { name: '1 finding' }).waitFor()
  await page.getByRole('link', { name: /^Delete the server/ }).click()
  await deleteStray(operator)
  await applyRest(operator)
  await page.getByRole('button', { name: /^Ignore/ }).click()
  await page.getByText('Everything agrees').waitFor()
  await page.getByRole('link', { name: 'Ignored' }).click()
  await page.getByRole('button', { name: /^Heed again/ }).waitFor()
  await operator.look('drift-ignored')
  await page.getByRole('link', { name: 'Resolved' }).click()
  await page.getByText('Applied by a person').first().waitFor()
  await operator.look('drift-resolved')
  await open(operator, 'Overview')
  await page.getByRole('heading', { name: 'Room at the clouds' }).waitFor()
  await operator.look('overview-room')
}

/** Types a name: the list follows under the hand that types, and again when the name is taken away. */
async function searchFor(operator: Visitor, name: string): Promise<void> {
  const { page } = operator
  const field = page.getByLabel('Tenant, server, name or id')
  await field.pressSequentially(name)
  await page.getByRole('heading', { name: '1 finding' }).waitFor()
  await titled(operator, name).waitFor()
  await page.locator(':focus').and(field).waitFor()
  expect(new URL(page.url()).searchParams.get('q')).toBe(name)
  await field.fill('')
  await page.getByRole('heading', { name: '4 findings' }).waitFor()
  await page.getByRole('link', { name: 'Costliest first' }).click()
  await page.locator('.facet[aria-current]').filter({ hasText: 'Costliest first' }).waitFor()
}

/** A finding by its title. */
function titled({ page }: Visitor, text: string) {
  return page.locator('.finding strong').filter({ hasText: text })
}

/** Resolves to the name of the tenant whose server is gone. */
async function makeTrouble({ page }: Visitor, { simulator }: Demo): Promise<string> {
  await page.goto(simulator)
  await page.getByRole('button', { name: 'Leave a server behind' }).click()
  await page.getByRole('button', { name: 'Leave a record behind' }).click()
  const away = page.getByRole('button', { name: /^Delete: (?!stray)/ }).last()
  const [, name = ''] = /^Delete: (.+),/.exec((await away.getAttribute('aria-label')) ?? '') ?? []
  await away.click()
  await page.getByText(name).waitFor({ state: 'detached' })
  return name.replace(/-\w{6}$/, '')
}

async function lookNow({ page }: Visitor): Promise<void> {
  await page.getByRole('button', { name: 'Look now' }).click()
  await page.getByText(/^Looked (just now|\d+ s ago) at/).waitFor()
}

async function passHour({ page }: Visitor, { simulator }: Demo): Promise<void> {
  await page.goto(simulator)
  await page.getByRole('button', { name: '+1 h' }).click()
  await page.getByRole('heading', { name: 'Simulated clouds' }).waitFor()
}

async function deleteStray(operator: Visitor): Promise<void> {
  const { page, watch } = operator
  await page.getByRole('heading', { name: 'Delete the server?' }).waitFor()
  await operator.look('drift-confirm')
  watch.intend(422)
  await page.getByRole('button', { name: 'Delete the server' }).click()
  await page.getByText('Type stray-1 to make sure').waitFor()
  await page.getByLabel('Type stray-1 to confirm').fill('stray-1')
  await page.getByRole('button', { name: 'Delete the server' }).click()
  await page.getByRole('heading', { name: 'Drift', level: 1 }).waitFor()
  await titled(operator, 'Server stray-1 has this Atlas’s label').waitFor({ state: 'detached' })
}

async function applyRest(operator: Visitor): Promise<void> {
  const { page } = operator
  await page.getByRole('link', { name: /see and apply them$/ }).click()
  await page.getByRole('heading', { name: 'Apply 2 findings?' }).waitFor()
  await operator.look('drift-confirm-all')
  await page.getByLabel('Type delete 2 to confirm').fill('delete 2')
  await page.getByRole('button', { name: 'Look again and apply' }).click()
  await page.getByText('put 2 things right').waitFor()
  await page.getByRole('heading', { name: '1 finding' }).waitFor()
}
