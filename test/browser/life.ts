import { expect } from 'bun:test'
import type { Demo } from './demo.ts'
import { passMinute } from './simulator.ts'
import type { Visitor } from './visitor.ts'

export const NOTE = 'Remember the blue door'
const RUN_TIMEOUT_MS = 90_000

/** One tenant in the hands of an operator, with its site and the simulator's control page in tabs beside. */
export type Life = { demo: Demo; name: string; operator: Visitor; site: Visitor; control: Visitor }

/** The tenant's own page, by its name in the list. */
export async function openTenant({ operator, name, demo }: Life): Promise<void> {
  const { page } = operator
  await page.goto(new URL(`/admin/tenants?q=${name}`, demo.dashboard).href)
  await page.getByRole('link', { name, exact: true }).click()
  await page.getByRole('heading', { name, level: 1 }).waitFor()
}

/** Opens the page that asks before something is done, and looks at it. */
export async function ask(life: Life, deed: string, look: string): Promise<void> {
  await openTenant(life)
  await life.operator.page.getByRole('link', { name: deed }).first().click()
  await life.operator.page.getByRole('heading', { level: 1 }).getByText(life.name).waitFor()
  await life.operator.look(look)
}

/** Presses the last button of such a page, and follows the run that it leads to to its end. */
export async function confirm({ operator }: Life, button: string): Promise<void> {
  const { page } = operator
  await page.getByRole('button', { name: button, exact: true }).click()
  await finished({ operator })
}

/** Waits on a run's page until it has ended well. */
export async function finished({ operator: { page } }: Pick<Life, 'operator'>): Promise<void> {
  const end = page.getByText(/^(Finished|Undone|Stopped|Cancelled) /).first()
  await end.waitFor({ timeout: RUN_TIMEOUT_MS })
  expect(await end.textContent()).toMatch(/^(Finished|Undone) after/)
}

/** Types the name where it is asked for: first another, which is refused, then the right one. */
export async function typeName({ operator, name }: Life, button: string): Promise<void> {
  const { page, watch } = operator
  const field = page.getByLabel(`Type ${name} to confirm`)
  watch.intend(422)
  await field.fill('somebody-else')
  await page.getByRole('button', { name: button, exact: true }).click()
  await page.getByText(`Type ${name} to make sure that this is the one.`).first().waitFor()
  expect(await field.inputValue()).toBe('somebody-else')
  await field.fill(name)
}

/** Reloads the site and waits for words on it. */
export async function siteSays({ site }: Life, words: string, status = 200): Promise<void> {
  if (status >= 400) site.watch.intend(status)
  const answer = await site.page.goto(site.page.url())
  expect(answer?.status()).toBe(status)
  await site.page.getByText(words).first().waitFor()
}

export async function leaveNote(life: Life): Promise<void> {
  const { page } = life.site
  await page.getByLabel('Leave a note').fill(NOTE)
  await page.getByRole('button', { name: 'Leave it' }).click()
  await page.getByText(NOTE).waitFor()
}

/** Whoever owns the app deletes everything in it, by mistake. */
export async function loseData(life: Life): Promise<void> {
  const { page } = life.control
  await page.goto(life.demo.simulator)
  await page.getByRole('button', { name: new RegExp(`^Lose its data: ${life.name}-`) }).click()
  await siteSays(life, 'Nobody has left a note yet.')
}

/** Nobody watches the minutes go by in which caches forget a name. */
export async function letCachesForget({ operator, control, demo }: Life): Promise<void> {
  await operator.page
    .getByText('Waiting until caches have forgotten')
    .first()
    .waitFor({ timeout: RUN_TIMEOUT_MS })
  await passMinute(control, demo)
  await passMinute(control, demo)
}
