import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { Browser } from 'playwright-core'
import { describeWith } from '../needs.ts'
import { enter } from './dashboard.ts'
import { type Demo, startDemo } from './demo.ts'
import { pictureForDocs } from './docs.ts'
import {
  ask,
  confirm,
  finished,
  type Life,
  leaveNote,
  letCachesForget,
  loseData,
  NOTE,
  openTenant,
  siteSays,
  typeName,
} from './life.ts'
import { DESKTOP, openBrowser, PHONE, type Theme, Visitor } from './visitor.ts'

const TENANTS = 4
const SPEED = 100
const TEST_TIMEOUT_MS = 240_000
const HOOK_TIMEOUT_MS = 30_000

describeWith('chromium', 'the life of a tenant by clicking', (chromium) => {
  let browser: Browser
  let demo: Demo
  beforeAll(async () => {
    browser = await openBrowser(chromium)
    demo = await startDemo({ tenants: TENANTS, speed: SPEED })
  }, HOOK_TIMEOUT_MS)
  afterAll(async () => {
    await browser.close()
    await demo.stop()
  }, HOOK_TIMEOUT_MS)

  test('in light on a desktop', () => live('light', 0), TEST_TIMEOUT_MS)
  test('in dark on a phone', () => live('dark', 1), TEST_TIMEOUT_MS)

  async function live(theme: Theme, place: number): Promise<void> {
    const visitor = await Visitor.arrive(browser, theme, theme === 'light' ? DESKTOP : PHONE)
    try {
      const operator = await enter(visitor, demo)
      const { name, url } = await starterAt(operator, place)
      const site = await visitor.newTab()
      await site.page.goto(url)
      const life = { demo, name, operator, site, control: await visitor.newTab() }
      await suspendAndResume(life)
      await upgrade(life)
      await restore(life)
      await rotate(life)
      await openTenant(life)
      await pictureForDocs(operator, 'tenant', theme)
      await move(life)
      await deleteAndBringBack(life)
      await deleteForGood(life)
      await readTimeline(life)
      expect(visitor.watch.report()).toEqual([])
    } finally {
      await visitor.context.close()
    }
  }

  /** The name and the site of one of the fleet's tenants that has the smaller plan. */
  async function starterAt({ page }: Visitor, place: number) {
    await page.goto(new URL('/admin/tenants?plan=virtues/starter', demo.dashboard).href)
    await page.locator('tbody .row-link').nth(place).click()
    const url = (await page.getByRole('link', { name: 'Open site' }).getAttribute('href')) ?? ''
    return { name: new URL(url).hostname.split('.')[0] ?? '', url }
  }
})

async function suspendAndResume(life: Life): Promise<void> {
  const { operator, site } = life
  await leaveNote(life)
  await openTenant(life)
  await operator.look('tenant-live')
  await ask(life, 'Suspend…', 'suspension')
  await confirm(life, 'Suspend')
  await siteSays(life, 'This site is paused', 503)
  await site.look('site-paused')
  await openTenant(life)
  await operator.look('tenant-suspended')
  await confirm(life, 'Resume')
  await siteSays(life, NOTE)
}

async function upgrade(life: Life): Promise<void> {
  await ask(life, 'Change the plan…', 'plan-change')
  await life.operator.page.getByRole('radio', { name: 'Pro' }).check()
  await confirm(life, 'Change the plan')
  await life.operator.look('run-plan-change')
  await siteSays(life, 'pro')
}

async function restore(life: Life): Promise<void> {
  const { operator } = life
  await openTenant(life)
  await confirm(life, 'Back up now')
  await loseData(life)
  await ask(life, 'Restore…', 'restoration')
  await typeName(life, 'Restore')
  await operator.look('restoration-refused')
  await confirm(life, 'Restore')
  await siteSays(life, NOTE)
}

async function rotate(life: Life): Promise<void> {
  await ask(life, 'Rotate the secrets…', 'secret-rotation')
  await confirm(life, 'Rotate')
  await siteSays(life, NOTE)
}

async function move(life: Life): Promise<void> {
  await ask(life, 'Move to a new server…', 'move')
  await typeName(life, 'Move')
  await life.operator.page.getByRole('button', { name: 'Move', exact: true }).click()
  await letCachesForget(life)
  await finished(life)
  await siteSays(life, NOTE)
}

async function deleteAndBringBack(life: Life): Promise<void> {
  const { operator } = life
  await ask(life, 'Delete…', 'deletion')
  await typeName(life, 'Delete')
  await operator.look('deletion-refused')
  await operator.page.getByRole('button', { name: 'Delete', exact: true }).click()
  await operator.page.getByText(/^Waiting at “Wait in case/).waitFor()
  await operator.look('run-cool-off')
  await openTenant(life)
  await operator.look('tenant-deleting')
  await confirm(life, 'Bring back')
  await siteSays(life, NOTE)
}

async function deleteForGood(life: Life): Promise<void> {
  const { operator } = life
  await ask(life, 'Delete…', 'deletion-again')
  await operator.page.getByLabel('Days in which it can be brought back').fill('0')
  await operator.page.getByLabel(`Type ${life.name} to confirm`).fill(life.name)
  await operator.page.getByRole('button', { name: 'Delete', exact: true }).click()
  await letCachesForget(life)
  await finished(life)
  await operator.look('run-deletion')
  await siteSays(life, 'No such name', 502)
  // The list leaves out who is gone.
  await operator.page.getByRole('link', { name: life.name, exact: true }).click()
  await operator.look('tenant-deleted')
}

async function readTimeline(life: Life): Promise<void> {
  const { page } = life.operator
  await page.getByRole('link', { name: 'The whole story' }).click()
  await page.getByRole('heading', { name: 'Timeline', level: 1 }).waitFor()
  await life.operator.look('timeline')
  await page.getByLabel('Kind').selectOption('People’s actions')
  await page.waitForURL(/kind=action/)
  await page.getByText('Older').waitFor({ state: 'detached' })
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('link', { name: 'Export as JSON' }).click(),
  ])
  const story = JSON.parse(await Bun.file((await download.path()) ?? '').text())
  expect(JSON.stringify(story)).toContain('deletion')
}
