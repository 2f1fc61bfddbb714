import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { auditEvents } from '../../src/db/schema'
import { cancel, retry, undo } from '../../src/lifecycle/mend'
import { resumeTenant, suspendTenant } from '../../src/lifecycle/suspension'
import { Estate } from '../estate'

let estate: Estate
beforeEach(async () => {
  estate = await Estate.open()
})
afterEach(() => estate.close())

const suspend = (because: 'operator' | 'unpaid' | 'canceled' = 'operator') =>
  estate.do((tx, services, id, asked) => suspendTenant(tx, services, id, { ...asked, because }))
const resume = () => estate.do(resumeTenant)
const mend = (verb: typeof retry) =>
  estate.do((tx, services, _, { actor, nowMs }) => verb(tx, services, estate.run.id, actor, nowMs))
const refuse = (verb: string) => estate.fault('machine', verb, 'refuse', { code: 'conflict' })

describe('a suspended tenant', () => {
  test('has a stopped app, a page that says so, and everything else', async () => {
    const before = await estate.holdings()
    suspend('unpaid')
    expect(estate.tenant.status).toBe('active')
    await estate.live()
    expect(estate.tenant).toMatchObject({ status: 'suspended', suspendedFor: 'unpaid', statusReason: null })
    expect(estate.tenant.suspendedAt).toBe(estate.run.finishedAt)
    expect(await estate.holdings()).toEqual({ ...before, app: 'stopped' })
    const { status, text } = await estate.visit()
    expect(status).toBe(503)
    expect(text).toContain('This site is paused')
    expect(text).not.toContain('payment')
  })

  test('is resumed to what it was', async () => {
    const before = await estate.holdings()
    suspend()
    await estate.live()
    resume()
    expect(estate.tenant.status).toBe('suspended')
    await estate.live()
    expect(estate.tenant).toMatchObject({ status: 'active', suspendedFor: null, suspendedAt: null })
    expect(await estate.holdings()).toEqual(before)
    expect((await estate.visit()).status).toBe(200)
  })

  test('is told to its owner, each once', async () => {
    suspend()
    await estate.live()
    resume()
    await estate.live()
    suspend()
    await estate.live()
    expect(estate.mails()).toEqual(['welcome', 'suspended', 'resumed', 'suspended'])
  })

  test('has an entry for who asked and one for what became of it', async () => {
    suspend()
    await estate.live()
    const events = estate.db.read.select().from(auditEvents).all()
    const told = events.filter(({ action }) => action.startsWith('tenant.susp'))
    expect(told.map(({ actor, action }) => `${actor} ${action}`)).toEqual([
      'test tenant.suspension_asked',
      'atlas tenant.suspended',
    ])
  })
})

describe('what is refused, with its reason', () => {
  test('a second suspension, and a resumption of what runs', async () => {
    expect(resume).toThrow('ada is active. Only a suspended tenant can be resumed.')
    suspend()
    await estate.live()
    expect(() => suspend()).toThrow('ada is suspended. Only an active tenant can be suspended.')
  })

  test('whatever a second operator asks while the first one’s run is at work', async () => {
    suspend()
    expect(() => suspend()).toThrow('Wait until its run “suspend” has ended, or cancel it.')
    await estate.live()
    expect(estate.tenant.status).toBe('suspended')
  })
})

describe('a suspension whose server says no', () => {
  test('stops with the reason, leaves the tenant active and tells the operator once', async () => {
    refuse('stop')
    suspend()
    await estate.live()
    expect(estate.run.status).toBe('failed')
    expect(estate.tenant).toMatchObject({ status: 'active', statusReason: estate.run.reason })
    expect(estate.mails()).toEqual(['welcome', 'failure-notice'])
  })

  test('goes on when it is retried', async () => {
    refuse('stop')
    suspend()
    await estate.live()
    mend(retry)
    expect(estate.tenant.statusReason).toBeNull()
    await estate.live()
    expect(estate.tenant.status).toBe('suspended')
  })

  test('leaves a running app when it is undone', async () => {
    estate.fault('machine', 'stop', 'lose_reply', { times: 10 })
    suspend()
    await estate.live()
    expect(estate.run.status).toBe('failed')
    mend(undo)
    await estate.live()
    expect(estate.run.status).toBe('cancelled')
    expect(estate.tenant).toMatchObject({ status: 'active', statusReason: null })
    expect((await estate.visit()).status).toBe(200)
  })
})

describe('a resumption', () => {
  beforeEach(async () => {
    suspend()
    await estate.live()
  })

  test('that fails leaves it suspended; undone, visitors get the page again', async () => {
    refuse('start')
    resume()
    await estate.live()
    expect(estate.run).toMatchObject({ status: 'failed', step: 'start-app' })
    expect(estate.tenant.status).toBe('suspended')
    mend(undo)
    await estate.live()
    expect(estate.tenant.status).toBe('suspended')
    expect((await estate.visit()).status).toBe(503)
  })

  test('that fails goes on when it is retried', async () => {
    refuse('start')
    resume()
    await estate.live()
    mend(retry)
    await estate.live()
    expect(estate.tenant.status).toBe('active')
  })

  test('that is cancelled half-way leaves it suspended', async () => {
    estate.fault('machine', 'start', 'lose_reply', { times: 5 })
    resume()
    await estate.liveUntil('start-app: waiting', () => mend(cancel))
    await estate.live()
    expect(estate.run.status).toBe('cancelled')
    expect(estate.tenant.status).toBe('suspended')
    expect((await estate.visit()).status).toBe(503)
  })
})
