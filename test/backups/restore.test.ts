import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { and, eq } from 'drizzle-orm'
import { backupOfRun, getBackup } from '../../src/backups/backup'
import { restoreTenant } from '../../src/backups/restore'
import { backups, effects, servers } from '../../src/db/schema'
import { retry, undo } from '../../src/lifecycle/mend'
import { rotateSecrets } from '../../src/lifecycle/secret-rotation'
import { resumeTenant, suspendTenant } from '../../src/lifecycle/suspension'
import type { Machine } from '../../src/simulator/machines/machine'
import type { StoredObject } from '../../src/simulator/s3'
import { BACKUP_KEY, destroySecrets, readSecrets, storeSecrets } from '../../src/tenants/secrets'
import { serverOf } from '../../src/tenants/tenant'
import { Estate } from '../estate'
import { backUp, leaveNote, mendLatest, notesOf } from './notes'

let estate: Estate
beforeEach(async () => {
  estate = await Estate.open()
})
afterEach(() => estate.close())

const askRestore = (backupId: string) =>
  estate.do((tx, services, id, asked) => restoreTenant(tx, services, id, { ...asked, backupId }))

async function restore(backupId: string): Promise<void> {
  askRestore(backupId)
  await estate.live()
}

/** A tenant with a note in its backup and one that came later. */
async function withTwoNotes(method: 'app' | 'image' = 'app'): Promise<string> {
  await leaveNote(estate, 'before')
  const backupId = await backUp(estate, method)
  await leaveNote(estate, 'after')
  return backupId
}

const safetyOf = () => backupOfRun(estate.db.read, { runId: estate.run.id, reason: 'before_restore' })
const verbs = () =>
  estate.clouds.world
    .table<Machine>('machines')
    .all()
    .flatMap(({ commands }) => commands.map(({ request }) => request.split(' ')[0]))

describe.each(['app', 'image'] as const)('restoring an %s', (method) => {
  test('brings back the data as it was, and the app answers', async () => {
    const backupId = await withTwoNotes(method)
    expect(await notesOf(estate)).toEqual(['before', 'after'])
    await restore(backupId)
    expect(estate.run.status).toBe('succeeded')
    expect(await notesOf(estate)).toEqual(['before'])
    expect((await estate.holdings()).app).toBe('running')
  })

  test('copies first what is there now, from where it can be brought back again', async () => {
    await restore(await withTwoNotes(method))
    const mine = estate.db.read.select().from(effects).where(eq(effects.runId, estate.run.id)).all()
    const asked = mine.map(({ verb }) => verb).filter((verb) => verb === 'stop' || verb === 'backup')
    // On a busy machine a call may have to be made again.
    expect([...new Set(asked)]).toEqual(['stop', 'backup'])
    const safety = safetyOf()
    expect(safety).toMatchObject({ status: 'complete', method: 'app' })
    await restore(safety?.id ?? '')
    expect(await notesOf(estate)).toEqual(['before', 'after'])
  })

  test('is taken back when the app does not start with it', async () => {
    const backupId = await withTwoNotes(method)
    estate.fault('machine', 'start', 'refuse', { code: 'conflict' })
    await restore(backupId)
    expect(estate.run).toMatchObject({ status: 'failed', step: 'start-app' })
    await mendLatest(estate, undo)
    expect(estate.run.status).toBe('cancelled')
    expect(await notesOf(estate)).toEqual(['before', 'after'])
    expect(estate.tenant).toMatchObject({ status: 'active', statusReason: null })
  })
})

describe.each(['app', 'image'] as const)('restoring an %s of a suspended tenant', (method) => {
  const suspend = async () => {
    estate.do((tx, services, id, asked) => suspendTenant(tx, services, id, { ...asked, because: 'operator' }))
    await estate.live()
  }
  const isSuspended = async () => {
    expect(estate.tenant).toMatchObject({ status: 'suspended', suspendedFor: 'operator' })
    expect(await estate.visit()).toMatchObject({ status: 503, text: expect.stringContaining('paused') })
    expect((await estate.holdings()).app).toBe('stopped')
  }

  test('brings back the data, and its visitors get the holding page as before', async () => {
    const backupId = await withTwoNotes(method)
    await suspend()
    await restore(backupId)
    expect(estate.run).toMatchObject({ kind: 'restore', status: 'succeeded' })
    await isSuspended()
    estate.do(resumeTenant)
    await estate.live()
    expect(await notesOf(estate)).toEqual(['before'])
  })

  test('leaves everything as it was when it is taken back', async () => {
    const backupId = await withTwoNotes(method)
    await suspend()
    estate.fault('machine', 'start', 'refuse', { code: 'conflict' })
    await restore(backupId)
    await mendLatest(estate, undo)
    expect(estate.run.status).toBe('cancelled')
    await isSuspended()
    estate.do(resumeTenant)
    await estate.live()
    expect(await notesOf(estate)).toEqual(['before', 'after'])
  })
})

describe('a restore of the app', () => {
  test('goes on after a lost reply', async () => {
    const backupId = await withTwoNotes()
    estate.fault('machine', 'restore', 'lose_reply')
    await restore(backupId)
    expect(await notesOf(estate)).toEqual(['before'])
    expect(verbs().filter((verb) => verb === 'restore')).toHaveLength(1)
  })

  test('of an object that was changed is refused, and nothing of the data is touched', async () => {
    const backupId = await withTwoNotes()
    const key = getBackup(estate.db.read, backupId).objectKey ?? ''
    const objects = estate.clouds.world.table<StoredObject>('s3_objects')
    const object = objects.find((one) => one.key === key)!
    const body = Buffer.from(object.body, 'base64')
    body[body.length - 1]! ^= 1
    objects.put({ ...object, body: body.toString('base64') })
    await restore(backupId)
    expect(estate.run).toMatchObject({ status: 'failed', step: 'put-back' })
    expect(estate.run.reason).toContain('not the backup that was expected')
    const restores = () => verbs().filter((verb) => verb === 'restore').length
    const before = restores()
    await mendLatest(estate, undo)
    expect(restores()).toBe(before)
    expect(await notesOf(estate)).toEqual(['before', 'after'])
    expect((await estate.holdings()).app).toBe('running')
  })

  test('that is encrypted to another key is refused, and nothing of the data is touched', async () => {
    const backupId = await withTwoNotes()
    const { generateX25519Identity } = await import('age-encryption')
    const other = await generateX25519Identity()
    estate.db.write((tx) => {
      destroySecrets(tx, estate.tenant.id, BACKUP_KEY)
      storeSecrets(tx, estate.services, estate.tenant, { [BACKUP_KEY]: other }, estate.clock.now())
    })
    await restore(backupId)
    expect(estate.run).toMatchObject({ status: 'failed', step: 'put-back' })
    expect(estate.run.reason).toContain('does not open with this key')
    await mendLatest(estate, undo)
    expect(await notesOf(estate)).toEqual(['before', 'after'])
  })

  test('whose object is gone says so', async () => {
    const backupId = await withTwoNotes()
    const { objectKey } = getBackup(estate.db.read, backupId)
    await estate.services.objects!.delete(objectKey ?? '')
    await restore(backupId)
    expect(estate.run).toMatchObject({ status: 'failed', errorCode: 'not_found' })
    expect(estate.run.reason).toContain('There is no backup at this address.')
  })

  test('writes neither the address nor the key down', async () => {
    await restore(await withTwoNotes())
    const identity = readSecrets(estate.db.read, estate.services, estate.tenant)[BACKUP_KEY] ?? ''
    const database = Buffer.from(estate.db.sqlite.serialize()).toString('latin1')
    const written = `${database}\n${estate.stage.lines.join('\n')}`
    expect(identity).toStartWith('AGE-SECRET-KEY-1')
    expect(written).not.toContain(identity)
    expect(written).not.toContain('X-Amz-Signature')
  })

  test('of a server whose app can’t be copied makes an image of it first', async () => {
    const backupId = await withTwoNotes()
    estate.fault('machine', 'backup', 'refuse', { code: 'conflict' })
    await restore(backupId)
    expect(estate.run.status).toBe('succeeded')
    const made = eq(backups.reason, 'before_restore')
    const safeties = estate.db.read.select().from(backups).where(made).orderBy(backups.createdAt).all()
    expect(safeties).toMatchObject([
      { method: 'app', status: 'failed' },
      { method: 'image', status: 'complete' },
    ])
  })

  test('can be taken back onto that image too', async () => {
    const backupId = await withTwoNotes()
    estate.fault('machine', 'backup', 'refuse', { code: 'conflict' })
    estate.fault('machine', 'start', 'refuse', { code: 'conflict' })
    await restore(backupId)
    expect(estate.run.step).toBe('start-app')
    await mendLatest(estate, undo)
    expect(estate.run.status).toBe('cancelled')
    expect(await notesOf(estate)).toEqual(['before', 'after'])
  })
})

describe('a restore of an image', () => {
  test('has the server take up today’s secrets, though its disk has older ones', async () => {
    const backupId = await withTwoNotes('image')
    estate.do(rotateSecrets)
    await estate.live()
    const [before] = estate.clouds.world.table<Machine>('machines').all()
    await restore(backupId)
    const [after] = estate.clouds.world.table<Machine>('machines').all()
    expect(after?.settings?.sha256).toBe(before?.settings?.sha256 ?? '')
    expect(after?.rotated).toEqual(before?.rotated ?? {})
  })

  test('accepts the host key that the disk has, though another was pinned since', async () => {
    const backupId = await withTwoNotes('image')
    const server = serverOf(estate.db.read, estate.tenant.id)
    const then = server.hostKey
    const machines = estate.clouds.world.table<Machine>('machines')
    const { newHostKey } = await import('../../src/simulator/machines/host-key')
    const hostKey = newHostKey()
    machines.put({ ...machines.all()[0]!, hostKey })
    estate.db.write((tx) =>
      tx.update(servers).set({ hostKey: hostKey.publicKey }).where(eq(servers.id, server.id)).run(),
    )
    await restore(backupId)
    expect(estate.run.status).toBe('succeeded')
    expect(serverOf(estate.db.read, estate.tenant.id)).toMatchObject({ hostKey: then, nextHostKey: null })
  })

  test('asks for the rebuild once and waits for its action', async () => {
    askRestore(await withTwoNotes('image'))
    await estate.live()
    expect(estate.run.status).toBe('succeeded')
    const mine = and(eq(effects.runId, estate.run.id), eq(effects.verb, 'rebuildServer'))
    expect(estate.db.read.select().from(effects).where(mine).all()).toMatchObject([{ outcome: 'done' }])
  })

  test('goes on after its reply was lost', async () => {
    const backupId = await withTwoNotes('image')
    estate.fault('hetzner', 'POST /servers/{id}/actions/rebuild', 'lose_reply')
    await restore(backupId)
    expect(estate.run.status).toBe('succeeded')
    expect(await notesOf(estate)).toEqual(['before'])
  })

  test('that Hetzner could not do is asked for anew by the retry', async () => {
    const backupId = await withTwoNotes('image')
    estate.clouds.hetzner.failNextAction('rebuild_server', { code: 'action_failed', message: 'No.' })
    await restore(backupId)
    expect(estate.run).toMatchObject({ status: 'failed', step: 'put-back' })
    await mendLatest(estate, retry)
    expect(estate.run.status).toBe('succeeded')
    expect(await notesOf(estate)).toEqual(['before'])
  })
})

describe('a restore is refused', () => {
  const refusal = (backupId: string) => expect(() => askRestore(backupId))

  test('of what is no backup of this tenant', async () => {
    const backupId = await backUp(estate)
    refusal('bak_none').toThrow('There is no such backup.')
    estate.db.sqlite.exec(`PRAGMA foreign_keys = OFF; UPDATE backups SET tenant_id = 'ten_other'`)
    refusal(backupId).toThrow('This tenant has no such backup.')
  })

  test.each([
    ['running', 'is not complete'],
    ['failed', 'is not complete'],
    ['removed', 'is no longer kept'],
  ] as const)('of one that is %s', async (status, words) => {
    const backupId = await backUp(estate)
    estate.db.write((tx) => tx.update(backups).set({ status }).run())
    refusal(backupId).toThrow(words)
  })

  test('of an image of a server that the tenant has left', async () => {
    const backupId = await backUp(estate, 'image')
    estate.db.write((tx) => tx.update(backups).set({ serverId: 'srv_other' }).run())
    refusal(backupId).toThrow('of a server that the tenant has left')
  })

  test('while something else is being done to the tenant', async () => {
    const backupId = await backUp(estate)
    askRestore(backupId)
    refusal(backupId).toThrow('Something else is being done to this tenant.')
  })
})
