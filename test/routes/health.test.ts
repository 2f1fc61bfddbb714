import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import type { Browser } from '../browser-habits'
import { Clinic, REFUSED } from '../health/clinic'
import { elementsOf } from '../views/dom'

let clinic: Clinic
let operator: Browser
beforeEach(async () => {
  clinic = await Clinic.open(12)
  for (const name of ['t3', 't5']) clinic.ill.set(name, REFUSED)
  await clinic.pass(10)
  clinic.ill.set('t7', REFUSED)
  await clinic.pass(5)
  operator = await clinic.stage.operator()
})
afterEach(() => clinic.close())

const page = async (path: string) => (await operator.get(path)).text()

describe('the page of everybody’s health', () => {
  test('counts who is well and who is not, and lists those who are not, with since when and why', async () => {
    const markup = await page('/admin/health')
    const figures = elementsOf(markup).filter(({ tag }) => tag === 'dd')
    expect(figures.map(({ text }) => text)).toEqual(['9', '1', '2', '0'])
    const links = elementsOf(markup).filter(({ attributes }) => attributes.get('class') === 'row-link')
    // Twice: as ill, and as the latest incident.
    expect(links.map(({ text }) => text).sort()).toEqual(['t3', 't3', 't5', 't5', 't7'])
    expect(markup).toContain(REFUSED.reason)
  })

  test('is searched, filtered and sorted', async () => {
    const names = async (query: string) =>
      elementsOf((await page(`/admin/health?${query}`)).split('Latest incidents')[0] ?? '')
        .filter(({ attributes }) => attributes.get('class') === 'row-link')
        .map(({ text }) => text)
    expect(await names('state=failing')).toEqual(['t7'])
    expect(await names('q=t5')).toEqual(['t5'])
    expect(await names('state=unhealthy&q=t7')).toEqual([])
    // Who is down comes first, and of these who is it longest.
    expect((await names('')).at(-1)).toBe('t7')
    expect(await names('sort=subdomain&dir=desc')).toEqual(['t7', 't5', 't3'])
    expect((await names('sort=since&dir=desc'))[0]).toBe('t7')
    expect((await names('sort=state&dir=asc'))[0]).toBe('t7')
  })
})

test('the overview asks the operator to look at those that are down', async () => {
  const markup = await page('/admin')
  const needs = markup.slice(markup.indexOf('Needs you now'), markup.indexOf('Tenants</h2>'))
  expect(needs).toContain('t3')
  expect(needs).toContain('/admin/tenants/ten_t5')
  expect(needs).not.toContain('/admin/tenants/ten_t7')
})

test('a tenant’s page says how it is, and its incidents', async () => {
  const ill = await page('/admin/tenants/ten_t3')
  expect(ill).toContain('Incidents of the last 30 days')
  expect(ill).toContain(REFUSED.reason)
  const well = await page('/admin/tenants/ten_t1')
  expect(well).toContain('answered in 12 ms')
  expect(well).not.toContain('Incidents of the last 30 days')
})
