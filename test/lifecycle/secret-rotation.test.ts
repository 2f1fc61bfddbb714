import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { secrets } from '../../src/db/schema'
import { retry, undo } from '../../src/lifecycle/mend'
import { rotatedNames, rotateSecrets } from '../../src/lifecycle/secret-rotation'
import { suspendTenant } from '../../src/lifecycle/suspension'
import type { Machine } from '../../src/simulator/machines/machine'
import { readSecrets } from '../../src/tenants/secrets'
import { leaveNote, mendLatest, notesOf } from '../backups/notes'
import { Estate } from '../estate'

const CHANGED = ['SESSION_SECRET', 'DATABASE_PASSWORD']

let estate: Estate
beforeEach(async () => {
  estate = await Estate.open()
})
afterEach(() => estate.close())

async function rotate(): Promise<void> {
  estate.do(rotateSecrets)
  await estate.live()
}

const valuesNow = () => readSecrets(estate.db.read, estate.services, estate.tenant)
const machine = () => estate.clouds.world.table<Machine>('machines').all()[0]
const leftOver = () =>
  estate.db.read
    .select()
    .from(secrets)
    .all()
    .filter(({ nextSealed }) => nextSealed !== null).length
const sha256 = (text = '') => createHash('sha256').update(text).digest('hex')

describe('a rotation', () => {
  test('gives the app new values of those secrets that it can take up, and leaves the others', async () => {
    await leaveNote(estate, 'still here')
    const before = valuesNow()
    await rotate()
    const after = valuesNow()
    expect(estate.run.status).toBe('succeeded')
    const changed = Object.keys(before).filter((name) => before[name] !== after[name])
    expect(changed.sort()).toEqual([...CHANGED].sort())
    expect(after.DATABASE_PASSWORD).toMatch(/^[0-9a-f]{48}$/)
    expect(leftOver()).toBe(0)
    expect(await notesOf(estate)).toEqual(['still here'])
  })

  test('tells the service that keeps a copy of its own, and hands the app the same value', async () => {
    const { sha256: former } = machine()?.settings ?? {}
    await rotate()
    expect(machine()?.rotated).toEqual({ DATABASE_PASSWORD: sha256(valuesNow().DATABASE_PASSWORD) })
    expect(machine()?.settings?.sha256).not.toBe(former ?? '')
  })

  test('through a lost reply is not done twice', async () => {
    estate.fault('machine', 'rotate', 'lose_reply')
    await rotate()
    const commands = machine()?.commands.filter(({ request }) => request.startsWith('rotate '))
    expect(commands).toHaveLength(1)
    expect(machine()?.rotated).toEqual({ DATABASE_PASSWORD: sha256(valuesNow().DATABASE_PASSWORD) })
  })
})

describe('a rotation after which the app does not start', () => {
  beforeEach(() => estate.fault('machine', 'start', 'refuse', { code: 'conflict' }))

  test('keeps the old values until it is retried, and then the new ones that it had made', async () => {
    const before = valuesNow()
    await rotate()
    expect(estate.run).toMatchObject({ status: 'failed', step: 'start-app' })
    expect(valuesNow()).toEqual(before)
    const told = machine()?.rotated
    await mendLatest(estate, retry)
    expect(estate.run.status).toBe('succeeded')
    expect(machine()?.rotated).toEqual(told ?? {})
    expect(machine()?.rotated).toEqual({ DATABASE_PASSWORD: sha256(valuesNow().DATABASE_PASSWORD) })
  })

  test('gives the old values back when it is undone', async () => {
    const before = valuesNow()
    await rotate()
    await mendLatest(estate, undo)
    expect(estate.run.status).toBe('cancelled')
    expect(valuesNow()).toEqual(before)
    expect(leftOver()).toBe(0)
    expect(machine()?.rotated).toEqual({ DATABASE_PASSWORD: sha256(before.DATABASE_PASSWORD) })
    expect((await estate.visit()).status).toBe(200)
    expect(estate.tenant).toMatchObject({ status: 'active', statusReason: null })
  })

  test('is the only thing that can be done about the tenant then', async () => {
    await rotate()
    expect(() => estate.do(rotateSecrets)).toThrow('has stopped half-way. Retry or undo it first')
  })
})

describe('a suspended tenant', () => {
  beforeEach(async () => {
    estate.do((tx, services, id, asked) => suspendTenant(tx, services, id, { ...asked, because: 'operator' }))
    await estate.live()
  })

  const isStillSuspended = async () => {
    expect(estate.tenant).toMatchObject({ status: 'suspended', suspendedFor: 'operator' })
    expect(await estate.visit()).toMatchObject({ status: 503, text: expect.stringContaining('paused') })
  }

  test('gets new secrets and stays suspended, with its holding page', async () => {
    const before = valuesNow()
    await rotate()
    expect(estate.run).toMatchObject({ kind: 'rotate-secrets', status: 'succeeded' })
    for (const name of CHANGED) expect(valuesNow()[name]).not.toBe(before[name])
    await isStillSuspended()
  })

  test('has its old ones and its holding page again when that is taken back', async () => {
    const before = valuesNow()
    estate.fault('machine', 'start', 'refuse', { code: 'conflict' })
    await rotate()
    expect(estate.run.status).toBe('failed')
    await mendLatest(estate, undo)
    expect(valuesNow()).toEqual(before)
    await isStillSuspended()
  })
})

test('neither old nor new values are written down in the clear', async () => {
  const before = valuesNow()
  await rotate()
  const after = valuesNow()
  const database = Buffer.from(estate.db.sqlite.serialize()).toString('latin1')
  const sent = estate.exchanges.map(({ requestBody }) => requestBody).join('\n')
  const written = [database, sent, ...estate.stage.lines].join('\n')
  expect(written).toContain('tell-new-values')
  const values = [...Object.values(before), ...Object.values(after)]
  expect(values.length).toBeGreaterThan(5)
  expect(values.filter((value) => written.includes(value))).toEqual([])
})

test('a next value does not open where a value is kept, nor the other way round', async () => {
  estate.fault('machine', 'start', 'refuse', { code: 'conflict' })
  await rotate()
  estate.db.sqlite.exec('UPDATE secrets SET sealed = next_sealed WHERE next_sealed IS NOT NULL')
  expect(() => valuesNow()).toThrow('does not open with this ENCRYPTION_KEY')
})

describe('a rotation is refused', () => {
  test('of a tenant that is being deleted', () => {
    estate.db.sqlite.exec("UPDATE tenants SET status = 'deleting', delete_at = 0")
    expect(() => estate.do(rotateSecrets)).toThrow(
      'Only an active or suspended tenant can be given new secrets.',
    )
  })

  test('of an app that can take up none', () => {
    const { catalog } = estate.services
    const blueprint = (name: string) => {
      const found = catalog.blueprint(name)
      const settings = found.settings.map((one) => ('rotate' in one ? { ...one, rotate: null } : one))
      return { ...found, settings }
    }
    expect(rotatedNames(catalog.blueprint('virtues')).sort()).toEqual([...CHANGED].sort())
    Object.assign(estate.services, { catalog: { ...catalog, blueprint } })
    expect(() => estate.do(rotateSecrets)).toThrow('does not say of any secret how it can be changed')
  })

  test('while something else is being done to the tenant', () => {
    estate.do(rotateSecrets)
    expect(() => estate.do(rotateSecrets)).toThrow('Something else is being done to this tenant.')
  })
})
