import { expect, test } from 'bun:test'
import { describeWith } from '../needs.ts'
import { enter, open } from './dashboard.ts'
import { type Demo, startDemo } from './demo.ts'
import { control } from './simulator.ts'
import { DESKTOP, openBrowser, Visitor } from './visitor.ts'

const TENANTS = 8
const TEST_TIMEOUT_MS = 90_000
const INTERVAL_MS = 300_000

describeWith('chromium', 'health', (chromium) => {
  test(
    'a tenant that goes down is noticed, told and explained, and so is its coming back',
    async () => {
      const demo = await startDemo({ tenants: TENANTS })
      const browser = await openBrowser(chromium)
      try {
        const visitor = await Visitor.arrive(browser, 'dark', DESKTOP)
        await story(await enter(visitor, demo), demo)
        expect(visitor.watch.report()).toEqual([])
      } finally {
        await browser.close()
        await demo.stop()
      }
    },
    TEST_TIMEOUT_MS,
  )
})

async function story(operator: Visitor, demo: Demo): Promise<void> {
  const { page } = operator
  await open(operator, 'Health')
  await page.getByText('Everybody answers').waitFor()
  await operator.look('health-calm')
  const { id, name } = await anyServer(demo)
  await control(demo, `machines/${id}/app-stop`)
  await control(demo, 'clock', { advance_ms: INTERVAL_MS })
  await figure(operator, 'Failing', '1')
  await control(demo, 'clock', { advance_ms: INTERVAL_MS })
  await figure(operator, 'Down', '1')
  await operator.look('health-down')
  await page.getByRole('link', { name: '1', exact: true }).click()
  await page.getByRole('heading', { name: '1 unwell tenant' }).waitFor()
  await page.locator('#ailing-list .row-link').click()
  const subdomain = await page.getByRole('heading', { level: 1 }).textContent()
  expect(name).toStartWith(`${subdomain}-`)
  await page.getByText('Down: two health checks in a row failed').waitFor()
  await operator.look('tenant-down')
  await tellStory(operator)
  await control(demo, `machines/${id}/app-start`)
  await control(demo, 'clock', { advance_ms: INTERVAL_MS })
  await page.getByText('No longer down').waitFor()
  await expectMails(demo, [`Atlas: ${subdomain} answers again`, `Atlas: ${subdomain} does not answer`])
}

/** Narrows the story to the health checks; what follows still comes by itself. */
async function tellStory(operator: Visitor): Promise<void> {
  const { page } = operator
  await page.getByRole('link', { name: 'The whole story' }).click()
  await page.getByRole('heading', { name: 'Timeline' }).waitFor()
  await operator.look('timeline')
  await page.getByLabel('Words').pressSequentially('no such words')
  await page.getByText('Nothing matches').waitFor()
  await page.getByRole('link', { name: 'Show everything' }).click()
  await page.getByLabel('Kind').selectOption('Health checks')
  await page.waitForURL(/kind=probe/)
  await page.getByText('Down: two health checks in a row failed').waitFor()
  expect(await page.locator('#timeline .badge').allInnerTexts()).toEqual(['probe'])
}

async function figure({ page }: Visitor, title: string, count: string): Promise<void> {
  const found = page.locator('.figure').filter({ hasText: title }).filter({ hasText: count })
  await found.waitFor()
}

type Server = { id: string; name: string }

async function anyServer({ simulator }: Demo): Promise<Server> {
  const { servers } = (await (await fetch(`${simulator}control/state.json`)).json()) as { servers: Server[] }
  const [server] = servers
  if (!server) throw new Error('the demo has no server')
  return server
}

async function expectMails({ mailbox, adminEmail }: Demo, subjects: string[]): Promise<void> {
  for (;;) {
    const answer = await fetch(`${mailbox}.json?to=${encodeURIComponent(adminEmail)}`)
    const { mails } = (await answer.json()) as { mails: { subject: string }[] }
    const told = mails.map(({ subject }) => subject).filter((subject) => /answer/.test(subject))
    if (told.length < subjects.length) {
      await Bun.sleep(20)
      continue
    }
    expect(told).toEqual(subjects)
    return
  }
}
