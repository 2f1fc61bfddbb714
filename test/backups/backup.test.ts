import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { Decrypter } from 'age-encryption'
import { eq } from 'drizzle-orm'
import { getBackup } from '../../src/backups/backup'
import { identityOf } from '../../src/backups/key'
import { backUpTenant } from '../../src/backups/recipe'
import { effects, secrets, tenants } from '../../src/db/schema'
import { retry, undo } from '../../src/lifecycle/mend'
import { suspendTenant } from '../../src/lifecycle/suspension'
import type { Machine } from '../../src/simulator/machines/machine'
import { DAY_MS, Estate } from '../estate'
import { openStage } from '../stage'
import { askBackUp, backUp, leaveNote, mendLatest } from './notes'

let estate: Estate
beforeEach(async () => {
  estate = await Estate.open()
})
afterEach(() => estate.close())

const stored = () => estate.clouds.s3.stored()
const backupCommands = () =>
  estate.clouds.world
    .table<Machine>('machines')
    .all()
    .flatMap(({ commands }) => commands.filter(({ request }) => request.startsWith('backup ')))

describe('a backup of the app', () => {
  test('is one object under the tenant’s own prefix, and its row says how large it is and until when it is kept', async () => {
    const backupId = await backUp(estate)
    const [object, ...others] = stored()
    expect(others).toEqual([])
    const { tenant } = estate
    expect(object?.key).toBe(`ins_stage/tenants/${tenant.id}/${backupId}.age`)
    const backup = getBackup(estate.db.read, backupId)
    const body = Buffer.from(object?.body ?? '', 'base64')
    expect(backup).toMatchObject({
      status: 'complete',
      method: 'app',
      reason: 'by_hand',
      objectKey: object?.key,
      sizeBytes: body.length,
      sha256: createHash('sha256').update(body).digest('hex'),
      release: tenant.release,
    })
    expect(backup.expiresAt).toBe((backup.completedAt ?? 0) + 7 * DAY_MS)
  })

  test('is encrypted to a key of the tenant’s own, which is sealed and no setting', async () => {
    await leaveNote(estate, 'my diary')
    await backUp(estate)
    const sealed = Buffer.from(stored()[0]?.body ?? '', 'base64')
    expect(sealed.toString('latin1')).toStartWith('age-encryption.org/v1')
    expect(sealed.toString('latin1')).not.toContain('diary')
    const identity = identityOf(estate.services, estate.tenant.id)
    const decrypter = new Decrypter()
    decrypter.addIdentity(identity)
    expect(await decrypter.decrypt(sealed, 'text')).toContain('my diary')
    const [machine] = estate.clouds.world.table<Machine>('machines').all()
    expect(JSON.stringify(machine)).not.toContain(identity)
  })

  test('leaves the app running, and is made again under the same key', async () => {
    await backUp(estate)
    await backUp(estate)
    expect(stored()).toHaveLength(2)
    const keys = estate.db.read.select().from(secrets).where(eq(secrets.name, 'backup-key')).all()
    expect(keys).toHaveLength(1)
    expect((await estate.visit()).status).toBe(200)
  })

  test('works for a suspended tenant too, whose app stays stopped', async () => {
    estate.do((tx, services, id, asked) => suspendTenant(tx, services, id, { ...asked, because: 'operator' }))
    await estate.live()
    const backupId = await backUp(estate)
    expect(getBackup(estate.db.read, backupId).status).toBe('complete')
    expect(estate.tenant.status).toBe('suspended')
    expect((await estate.visit()).status).toBe(503)
  })
})

describe('nothing secret is written down', () => {
  test('neither the address that the server was given nor the key, in ledger, log and database', async () => {
    await leaveNote(estate, 'my diary')
    await backUp(estate)
    const identity = identityOf(estate.services, estate.tenant.id)
    const database = Buffer.from(estate.db.sqlite.serialize()).toString('latin1')
    const written = `${database}\n${estate.stage.lines.join('\n')}`
    expect(written).toContain('run-backup')
    for (const secret of [identity, 'X-Amz-Signature', 'X-Amz-Credential', 'my diary']) {
      expect(written).not.toContain(secret)
    }
  })

  test('also when the server says the address back', async () => {
    const { log } = estate.services
    const url = 'https://s3.example/b/k.age?X-Amz-Date=1&X-Amz-Signature=0123456789abcdef0123456789abcdef'
    log.info('curl: (22) PUT', { url, again: encodeURIComponent(url) })
    const line = estate.stage.lines.at(-1) ?? ''
    expect(line).toContain('X-Amz-Date')
    expect(line).not.toContain('0123456789abcdef')
  })
})

describe('a backup that is interrupted', () => {
  test('by a lost reply is found again, and its copy counts', async () => {
    estate.fault('machine', 'backup', 'lose_reply')
    await backUp(estate)
    expect(estate.run.status).toBe('succeeded')
    expect(backupCommands()).toHaveLength(1)
  })

  test('by a storage that refuses is tried again as another command', async () => {
    estate.fault('s3', 'PutObject', 'refuse', { code: 'SlowDown' })
    const backupId = await backUp(estate)
    expect(getBackup(estate.db.read, backupId).status).toBe('complete')
    expect(backupCommands()).toHaveLength(2)
    expect(new Set(backupCommands().map(({ id }) => id)).size).toBe(2)
  })

  test('by a server that refuses for good fails with the reason, mails once, and can be retried', async () => {
    estate.fault('machine', 'backup', 'refuse', { code: 'conflict' })
    const backupId = await backUp(estate)
    expect(estate.run).toMatchObject({ status: 'failed', kind: 'backup' })
    const failed = getBackup(estate.db.read, backupId)
    expect(failed.status).toBe('failed')
    expect(failed.error).toContain('The server says')
    expect(estate.mails().filter((kind) => kind === 'failure-notice')).toHaveLength(1)
    await mendLatest(estate, retry)
    const retried = getBackup(estate.db.read, backupId)
    expect(retried).toMatchObject({ status: 'complete', error: null })
    expect(estate.tenant.statusReason).toBeNull()
  })

  test('by somebody who takes it back is no backup', async () => {
    estate.fault('machine', 'backup', 'refuse', { code: 'conflict' })
    const backupId = await backUp(estate)
    await mendLatest(estate, undo)
    expect(estate.run.status).toBe('cancelled')
    expect(getBackup(estate.db.read, backupId).status).toBe('failed')
  })
})

describe('a copy that the storage does not have whole', () => {
  test('does not count, and the retry makes it anew', async () => {
    const { objects } = estate.services
    const lying = { ...objects!, head: async () => ({ sizeBytes: 1, createdAt: 0 }) }
    Object.assign(estate.services, { objects: lying })
    const backupId = await backUp(estate)
    expect(estate.run.status).toBe('failed')
    expect(estate.run.reason).toContain('The storage has 1 bytes of a backup')
    Object.assign(estate.services, { objects })
    await mendLatest(estate, retry)
    expect(getBackup(estate.db.read, backupId).status).toBe('complete')
    expect(backupCommands()).toHaveLength(2)
  })

  test('nor does one that is not there at all', async () => {
    const { objects } = estate.services
    Object.assign(estate.services, { objects: { ...objects!, head: async () => null } })
    await backUp(estate)
    expect(estate.run.reason).toContain('the storage does not have it')
  })
})

describe('an image', () => {
  test('is one snapshot with the labels of this one occasion', async () => {
    const backupId = await backUp(estate, 'image')
    const images = await estate.services.cloud.listOwnImages({ backup: backupId })
    expect(images).toHaveLength(1)
    expect(images[0]?.labels).toMatchObject({ atlas: 'ins_stage', tenant: estate.tenant.id })
    const backup = getBackup(estate.db.read, backupId)
    expect(backup).toMatchObject({
      status: 'complete',
      imageId: images[0]?.id,
      sha256: null,
      objectKey: null,
    })
    expect(backup.sizeBytes).toBe(Math.round((images[0]?.sizeGb ?? 0) * 1e9))
    expect(backup.hostKey).toStartWith('ssh-ed25519 ')
  })

  test('is made once, whatever becomes of the reply, and asked for once', async () => {
    estate.fault('hetzner', 'POST /servers/{id}/actions/create_image', 'lose_reply')
    const backupId = await backUp(estate, 'image')
    expect(getBackup(estate.db.read, backupId).status).toBe('complete')
    const images = await estate.services.cloud.listOwnImages({ tenant: estate.tenant.id })
    expect(images).toHaveLength(1)
    const asked = estate.db.read.select().from(effects).where(eq(effects.verb, 'ensureImage')).all()
    expect(asked.map(({ outcome }) => outcome)).toEqual(['unknown', 'done'])
  })
})

describe('a backup is refused', () => {
  const ask = (method: 'app' | 'image' = 'app') => askBackUp(estate, method)

  test('while something else is being done to the tenant', () => {
    ask()
    expect(() => ask()).toThrow('Something else is being done to this tenant.')
  })

  test('without a storage, though an image is still possible', () => {
    Object.assign(estate.services, { objects: null })
    expect(() => ask()).toThrow('No storage for backups is configured.')
    expect(() => ask('image')).not.toThrow()
  })

  test('of an app whose blueprint does not say what to copy', () => {
    const { catalog } = estate.services
    const blueprint = (name: string) => ({ ...catalog.blueprint(name), backup: null })
    Object.assign(estate.services, { catalog: { ...catalog, blueprint } })
    expect(() => ask()).toThrow('does not say what of this app is to be copied')
  })

  test.each(['provisioning', 'failed', 'deleting', 'deleted'] as const)(
    'of a tenant that is %s',
    async (status) => {
      const stage = openStage()
      const { tenantId } = await stage.tenant()
      stage.services.db.sqlite.exec('DROP TRIGGER tenants_transition')
      stage.services.db.write((tx) => tx.update(tenants).set({ status }).run())
      const nowMs = stage.clock.now()
      const wanted = { actor: { id: 'test' }, reason: 'by_hand', method: 'image', nowMs } as const
      expect(() =>
        stage.services.db.write((tx) => backUpTenant(tx, stage.services, tenantId, wanted)),
      ).toThrow('can be backed up')
      await stage.close()
    },
  )
})
