import { afterEach, describe, expect, test } from 'bun:test'
import { Clinic, REFUSED } from './clinic'

let clinic: Clinic
const open = async (size: number) => {
  clinic = await Clinic.open(size)
  await clinic.pass(5)
}
afterEach(() => clinic.close())

const fall = (names: string[]) => {
  for (const name of names) clinic.ill.set(name, REFUSED)
}
const tenants = (count: number) => Array.from({ length: count }, (_, i) => `t${i}`)

describe('a tenant that does not answer', () => {
  test('is failing at first; the second time in a row it is down, with one incident and one mail', async () => {
    await open(3)
    fall(['t1'])
    await clinic.pass(5)
    expect(clinic.check('t1')).toMatchObject({ state: 'failing', failures: 1, reason: REFUSED.reason })
    expect(clinic.incidents()).toEqual([])
    expect(clinic.mails()).toEqual([])
    const since = clinic.check('t1')?.changedAt ?? 0
    await clinic.pass(5)
    expect(clinic.check('t1')).toMatchObject({ state: 'unhealthy', failures: 2, changedAt: since })
    expect(clinic.incidents()).toMatchObject([{ tenantId: 'ten_t1', reason: REFUSED.reason, endedAt: null }])
    await clinic.pass(30)
    expect(clinic.incidents()).toHaveLength(1)
    expect(clinic.mails()).toEqual(['Atlas: t1 does not answer'])
  })

  test('and answers again: the incident ends, and one mail says so', async () => {
    await open(3)
    fall(['t1'])
    await clinic.pass(15)
    clinic.ill.clear()
    await clinic.pass(15)
    expect(clinic.check('t1')).toMatchObject({ state: 'healthy', failures: 0, reason: null })
    expect(clinic.incidents()[0]?.endedAt).toBeGreaterThan(clinic.incidents()[0]?.startedAt ?? Infinity)
    expect(clinic.mails()).toEqual(['Atlas: t1 does not answer', 'Atlas: t1 answers again'])
  })

  test('only once is no incident, however often that happens', async () => {
    await open(1)
    for (let i = 0; i < 4; i++) {
      fall(['t0'])
      await clinic.pass(5)
      clinic.ill.clear()
      await clinic.pass(5)
    }
    expect(clinic.asked.length).toBeGreaterThan(8)
    expect(clinic.incidents()).toEqual([])
    expect(clinic.mails()).toEqual([])
  })

  test('and falls again later: another incident, another mail', async () => {
    await open(2)
    for (let i = 0; i < 2; i++) {
      fall(['t0'])
      await clinic.pass(10)
      clinic.ill.clear()
      await clinic.pass(5)
    }
    expect(clinic.incidents()).toHaveLength(2)
    expect(clinic.mails()).toHaveLength(4)
  })

  test('with the wrong status is as ill, and the mail says which status', async () => {
    await open(1)
    clinic.ill.set('t0', { ok: true, status: 502, body: '<script>', tookMs: 9 })
    await clinic.pass(10)
    const [mail] = clinic.stage.mails().filter(({ subject }) => subject.includes('does not answer'))
    expect(mail?.text).toContain('It answers with status 502 instead of 200.')
    expect(mail?.text).toContain('https://shop.example.com/admin/tenants/ten_t0')
    expect(mail?.html).not.toContain('<script>')
  })
})

describe('an outage', () => {
  test('of up to ten tenants is told tenant by tenant', async () => {
    await open(30)
    fall(tenants(10))
    await clinic.pass(15)
    expect(clinic.mails()).toHaveLength(10)
  })

  test('of more than ten is told in one mail, and one says that it is over but for a tenth', async () => {
    await open(60)
    fall(tenants(40))
    await clinic.pass(20)
    expect(clinic.mails()).toEqual(['Atlas: 40 tenants do not answer'])
    expect(clinic.incidents()).toHaveLength(40)
    const text = clinic.stage.mails().at(-1)?.text
    expect(text).toContain('Look for what they share')
    expect(text).not.toContain('own network')
    clinic.ill.clear()
    await clinic.pass(5)
    expect(clinic.mails().slice(0, 2)).toEqual([
      'Atlas: 40 tenants do not answer',
      'Atlas: The outage is over',
    ])
    expect(clinic.mails()).toHaveLength(2 + 4)
  })

  test('of everybody is likely Atlas’s own network, and the mail says so', async () => {
    await open(40)
    fall(tenants(40))
    await clinic.pass(15)
    expect(clinic.mails()).toHaveLength(1)
    expect(clinic.stage.mails().at(-1)?.text).toContain('likely Atlas’s own network')
  })

  test('of everybody in a small fleet says so too, in the mail of each', async () => {
    await open(3)
    fall(tenants(3))
    await clinic.pass(10)
    const down = clinic.stage.mails().filter(({ subject }) => subject.includes('does not answer'))
    expect(down).toHaveLength(3)
    for (const { text } of down) expect(text).toContain('likely Atlas’s own network')
  })

  test('is over when a tenth is left, who are named and told of alone from then on', async () => {
    await open(40)
    fall(tenants(40))
    await clinic.pass(15)
    clinic.ill.clear()
    fall(tenants(3))
    await clinic.pass(15)
    const over = clinic.stage.mails().find(({ subject }) => subject.includes('outage'))
    for (const name of tenants(3)) expect(over?.text).toMatch(new RegExp(`Still down: .*\\b${name}\\b`))
    clinic.ill.clear()
    await clinic.pass(10)
    const [first, second, ...rest] = clinic.mails()
    expect([first, second]).toEqual(['Atlas: 40 tenants do not answer', 'Atlas: The outage is over'])
    for (const name of tenants(3)) expect(rest).toContain(`Atlas: ${name} answers again`)
    expect(rest.length).toBeLessThanOrEqual(4)
  })

  test('leaves what falls alone long afterwards to a mail of its own', async () => {
    await open(40)
    fall(tenants(30))
    await clinic.pass(60)
    fall(['t35'])
    await clinic.pass(15)
    expect(clinic.mails()).toEqual(['Atlas: 30 tenants do not answer', 'Atlas: t35 does not answer'])
  })

  test('is told of though some of an earlier one are still down', async () => {
    await open(100)
    const names = tenants(100)
    fall(names.slice(0, 12))
    await clinic.pass(15)
    clinic.ill.clear()
    fall(names.slice(0, 3))
    await clinic.pass(60)
    fall(names.slice(20, 80))
    await clinic.pass(15)
    expect(clinic.mails()).toEqual(['Atlas: 12 tenants do not answer', 'Atlas: 60 tenants do not answer'])
  })
})
