import { expect } from 'bun:test'
import type { Demo } from './demo.ts'
import type { Visitor } from './visitor.ts'

export type Trouble = { provider: string; verb: string; status?: string; code?: string; times?: string }

/** Makes calls of one kind be refused, with the form of the control page. */
export async function refuse(visitor: Visitor, { simulator }: Demo, trouble: Trouble): Promise<void> {
  const { page } = visitor
  await page.goto(new URL('/control/faults', simulator).href)
  await page.getByLabel('Provider').selectOption(trouble.provider)
  await page.getByLabel('Verb').fill(trouble.verb)
  await page.getByLabel('What happens').selectOption('refuse')
  await page.getByLabel('How many times').fill(trouble.times ?? '1')
  await page.getByLabel('HTTP status').fill(trouble.status ?? '')
  await page.getByLabel('error code').fill(trouble.code ?? '')
  await page.getByRole('button', { name: 'Set the fault' }).click()
  await page.getByRole('cell', { name: trouble.verb, exact: true }).waitFor()
}

/** Removes every fault that still waits to strike. */
export async function removeFaults({ page }: Visitor, { simulator }: Demo): Promise<void> {
  await page.goto(new URL('/control/faults', simulator).href)
  const remove = page.getByRole('button', { name: /^Remove/ })
  for (let left = await remove.count(); left > 0; left--) await remove.first().click()
  await page.getByText('Nothing goes wrong at the moment.').waitFor()
}

/** Moves the clock of clouds and Atlas forward by a minute. */
export async function passMinute({ page }: Visitor, { simulator }: Demo): Promise<void> {
  await page.goto(simulator)
  await page.getByRole('button', { name: '+1 min' }).click()
  await page.getByRole('heading', { name: 'Simulated clouds' }).waitFor()
}

/** Asks the simulator's control page for something, as its own forms do. */
export async function control({ simulator }: Demo, path: string, body: object = {}): Promise<void> {
  const headers = { 'content-type': 'application/json', accept: 'application/json' }
  const url = new URL(`/control/${path}`, simulator)
  const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })
  expect(answer.status).toBeLessThan(300)
}
