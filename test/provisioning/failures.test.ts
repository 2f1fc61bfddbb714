import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { signups, tenants } from '../../src/db/schema'
import { generateHostKey } from '../../src/providers/ssh/keys'
import { pauseMs } from '../../src/provisioning/pause'
import { logOf } from '../../src/runs/list'
import { stepsOf } from '../../src/runs/steps'
import type { StoredMail } from '../../src/simulator/resend'
import { Estate } from '../estate'
import { census, EXACTLY_ONE } from './census'

let estate: Estate
beforeEach(async () => {
  estate = await Estate.approved()
})
afterEach(() => estate.close())

const FOREVER = { times: 1_000_000 }
/** After one failure that was mended: all is well, and the operator got one mail more. */
const MENDED = { ...EXACTLY_ONE, notices: 2 }

function failedSteps(): string[] {
  const steps = stepsOf(estate.db.read, estate.run.id)
  return steps.filter(({ status }) => status === 'failed').map(({ name }) => name)
}

/** Mends whatever was set to go wrong and has the operator retry. */
async function retry(): Promise<void> {
  for (const { id } of estate.clouds.front.faults.list()) estate.clouds.front.faults.remove(id)
  estate.retry()
  await estate.live()
}

describe('an app that does not become healthy', () => {
  test('stops the run after ten minutes, with the last answer and the machine’s last words', async () => {
    estate.fault('machine', 'http', 'refuse', FOREVER)
    await estate.live()
    const { status, reason } = estate.run
    expect(status).toBe('failed')
    expect(reason).toContain('did not become healthy within 10 minutes')
    expect(reason).toContain('status 502 instead of 200')
    const ofCheck = logOf(estate.db.read, estate.run.id).filter(({ step }) => step === 'check-health')
    expect(ofCheck.length).toBeGreaterThan(5)
    expect(ofCheck.map(({ line }) => line).join('\n')).toContain('Starting release v42')
  })

  test('is looked at often at first and ever more rarely, and goes on from there when it is mended', async () => {
    estate.fault('machine', 'http', 'refuse', FOREVER)
    let asked = 0
    estate.clouds.machines.observe(({ kind }) => kind === 'http' && asked++)
    await estate.live()
    expect(asked).toBeGreaterThan(8)
    expect(asked).toBeLessThan(60)
    await retry()
    expect(census(estate)).toEqual(MENDED)
  })
})

describe('a server', () => {
  test('that never lets Atlas in stops the run after ten minutes, after few tries', async () => {
    estate.fault('machine', 'connect', 'refuse', FOREVER)
    await estate.live()
    expect(failedSteps()).toEqual(['verify-host-key'])
    expect(estate.run.reason).toContain('was not over after 10 minutes')
    const [fault] = estate.clouds.front.faults.list()
    expect(FOREVER.times - (fault?.times ?? 0)).toBeLessThan(45)
    await retry()
    expect(census(estate)).toEqual(MENDED)
  })

  test('that shows another host key is told nothing', async () => {
    const seen: string[] = []
    estate.clouds.machines.observe(({ kind }) => seen.push(kind))
    const mixed = () => ({
      privateKey: generateHostKey().privateKey,
      publicKey: generateHostKey().publicKey,
    })
    await estate.live((services) => ({ ...services, newHostKey: mixed }))
    expect(failedSteps()).toEqual(['verify-host-key'])
    expect(estate.run).toMatchObject({ errorCode: 'conflict' })
    expect(estate.run.reason).toContain('another host key')
    expect(seen).toContain('connection')
    expect(seen).not.toContain('command')
  })

  test('that can’t be ordered now is ordered when the operator retries', async () => {
    estate.fault('hetzner', 'POST /servers', 'refuse', { code: 'resource_unavailable' })
    await estate.live()
    expect(failedSteps()).toEqual(['create-server'])
    expect(estate.run.reason).toContain('no free server of this type')
    await retry()
    expect(census(estate)).toEqual(MENDED)
  })
})

describe('a failure', () => {
  test('is told: to tenant and signup with the reason, and to the operator in one mail a failure', async () => {
    estate.fault('machine', 'start', 'refuse', { code: 'not_found' })
    await estate.live()
    const [tenant] = estate.db.read.select().from(tenants).all()
    const [signup] = estate.db.read.select().from(signups).all()
    expect(tenant).toMatchObject({ status: 'failed', statusReason: estate.run.reason })
    expect(signup?.status).toBe('failed')
    const mails = estate.clouds.world.table<StoredMail>('resend_email').all()
    const told = mails.filter(({ subject }) => subject.includes('could not be provisioned'))
    expect(told).toHaveLength(1)
    expect(told[0]?.text).toContain(`/admin/runs/${estate.run.id}`)
    expect(told[0]?.to).toEqual([estate.services.settings.adminEmail])
  })

  test('is mended by a retry that repeats nothing that was done', async () => {
    estate.fault('machine', 'start', 'refuse', { code: 'conflict' })
    await estate.live()
    const before = estate.exchanges.length
    await retry()
    expect(census(estate)).toEqual(MENDED)
    const since = new Set(estate.exchanges.slice(before).map(({ provider }) => provider))
    expect([...since]).toEqual(['resend'])
  })

  test('of what is unavailable for long is one after ten tries, and a retry has ten more', async () => {
    estate.fault('machine', 'settings', 'refuse', { times: 15, code: 'unavailable' })
    await estate.live()
    expect(failedSteps()).toEqual(['deliver-settings'])
    estate.retry()
    await estate.live()
    expect(census(estate)).toEqual(MENDED)
  })

  test('is the only state from which a provisioning is retried or undone', async () => {
    const words = 'Only a run that has failed can be retried or undone.'
    expect(() => estate.retry()).toThrow(words)
    expect(() => estate.undo()).toThrow(words)
    await estate.live()
    expect(() => estate.retry()).toThrow(words)
    expect(() => estate.undo()).toThrow(words)
    expect(census(estate)).toEqual(EXACTLY_ONE)
  })
})

test('pauses are a share of the time waited, within bounds', () => {
  expect([0, 1_000, 10_000, 100_000, 600_000].map((waitedMs) => pauseMs(waitedMs))).toEqual([
    400, 400, 1_000, 10_000, 30_000,
  ])
})
