import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { getBackup } from '../../src/backups/backup'
import { backups, secrets, servers, tenants } from '../../src/db/schema'
import { moveMinutes } from '../../src/lifecycle/downtime'
import { cancel, retry, undo } from '../../src/lifecycle/mend'
import { moveToNewServer } from '../../src/lifecycle/move'
import { lookAtMove } from '../../src/lifecycle/move-outlook'
import { resumeTenant, suspendTenant } from '../../src/lifecycle/suspension'
import { FIRST_HOST_KEY } from '../../src/provisioning/prepare'
import { stepsOf } from '../../src/runs/steps'
import { serverOf } from '../../src/tenants/tenant'
import { backUp, leaveNote, mendLatest, notesOf } from '../backups/notes'
import { Estate } from '../estate'

const TWO_TTL_MS = 120_000

let estate: Estate
beforeEach(async () => {
  estate = await Estate.open()
})
afterEach(() => estate.close())

const current = () => serverOf(estate.db.read, estate.tenant.id)
const askMove = (backupId?: string, acceptOlderBackup = false) =>
  estate.do((tx, services, id, asked) =>
    moveToNewServer(tx, services, id, { ...asked, backupId, acceptOlderBackup }),
  )

async function move(backupId?: string, acceptOlderBackup = false): Promise<void> {
  askMove(backupId, acceptOlderBackup)
  await estate.live()
}

const recordNow = () => estate.clouds.route53.recordSets().find(({ type }) => type === 'A')?.values
const cloudServers = () => estate.services.cloud.listServers({ tenant: estate.tenant.id })
/** When the latest change of the record and the latest deletion of a server were asked for. */
function asked() {
  const at = (test: (body: string, method: string) => boolean) =>
    estate.exchanges.findLast(({ requestBody, method }) => test(requestBody, method))?.at ?? Number.NaN
  return {
    record: at((body) => body.includes('<Action>UPSERT</Action>')),
    server: at((_, method) => method === 'DELETE'),
  }
}
const roles = () =>
  estate.db.read
    .select()
    .from(servers)
    .orderBy(servers.createdAt)
    .all()
    .map(({ role, deletedAt }) => `${role}${deletedAt ? ', gone' : ''}`)

describe('a move', () => {
  test('takes the data along, and leaves nothing of the old server', async () => {
    const old = current()
    await leaveNote(estate, 'my diary')
    await move()
    expect(estate.run.status).toBe('succeeded')
    expect(await notesOf(estate)).toEqual(['my diary'])
    expect(current().id).not.toBe(old.id)
    expect(roles()).toEqual(['former, gone', 'current'])
    expect(recordNow()).toEqual([current().ipv4 ?? ''])
    expect(await estate.holdings()).toMatchObject({ servers: 1, addresses: 2, records: 1, app: 'running' })
    expect(current()).toMatchObject({ nextHostKey: null })
    const firstKeys = eq(secrets.name, FIRST_HOST_KEY)
    expect(estate.db.read.select().from(secrets).where(firstKeys).all()).toEqual([])
  })

  test('backs up first, and that backup stays', async () => {
    await move()
    expect(estate.db.read.select().from(backups).all()).toMatchObject([
      { reason: 'before_move', status: 'complete' },
    ])
  })

  test('holds the old address for twice the TTL after the name has left it', async () => {
    await move()
    expect(asked().server - asked().record).toBeGreaterThanOrEqual(TWO_TTL_MS)
  })

  test('keeps visitors waiting only from the copy on: the new server is made before', async () => {
    askMove()
    const old = current().externalId
    let app: string | undefined
    await estate.liveUntil('deliver-settings: succeeded', () => {
      app = estate.clouds.machines.list().find(({ serverId }) => serverId === old)?.app.state
    })
    expect(app).toBe('running')
    await estate.live()
    const steps = stepsOf(estate.db.read, estate.run.id).map(({ name }) => name)
    expect(steps.indexOf('stop-old-app')).toBeGreaterThan(steps.indexOf('deliver-settings'))
    expect(moveMinutes(estate.db.read)).toBeGreaterThanOrEqual(1)
  })

  test('can be followed by another', async () => {
    await leaveNote(estate, 'my diary')
    await move()
    await move()
    expect(roles()).toEqual(['former, gone', 'former, gone', 'current'])
    expect(await notesOf(estate)).toEqual(['my diary'])
  })

  test('leaves a suspended tenant suspended, and it can be resumed there', async () => {
    await leaveNote(estate, 'my diary')
    estate.do((tx, services, id, asked) => suspendTenant(tx, services, id, { ...asked, because: 'operator' }))
    await estate.live()
    await move()
    expect(estate.run.status).toBe('succeeded')
    expect(estate.tenant.status).toBe('suspended')
    expect((await estate.visit()).status).toBe(503)
    estate.do(resumeTenant)
    await estate.live()
    expect(await notesOf(estate)).toEqual(['my diary'])
  })

  test('with a chosen backup brings that one, and copies what is there all the same', async () => {
    await leaveNote(estate, 'before')
    const chosen = await backUp(estate)
    await leaveNote(estate, 'after')
    await move(chosen)
    expect(await notesOf(estate)).toEqual(['before'])
    const safety = estate.db.read.select().from(backups).where(eq(backups.reason, 'before_move')).all()
    expect(safety).toMatchObject([{ status: 'complete' }])
  })

  test('can lead to another plan, at Stripe and on the server', async () => {
    const { plan } = await lookAtMove(estate.services, estate.tenant.id, 'virtues/pro')
    estate.do((tx, services, id, asked) => moveToNewServer(tx, services, id, { ...asked, plan }))
    await estate.live()
    expect(estate.run.status).toBe('succeeded')
    expect(estate.tenant.planId).toBe('virtues/pro')
    expect(current().serverType).toBe('ccx13')
    const [subscription] = await estate.services.payments.listLiveSubscriptions()
    expect(subscription?.priceId).toBe('price_virtues_pro')
    const [server] = await cloudServers()
    expect(server).toMatchObject({ serverType: 'ccx13', backups: true })
  })
})

describe('a move from a server that is dead', () => {
  const kill = () => estate.clouds.machines.kill(current().externalId ?? '')

  test('brings the latest backup', async () => {
    await leaveNote(estate, 'before')
    await backUp(estate)
    await leaveNote(estate, 'lost')
    kill()
    await move(undefined, true)
    expect(estate.run.status).toBe('succeeded')
    expect(await notesOf(estate)).toEqual(['before'])
    expect(await cloudServers()).toHaveLength(1)
  })

  test.each([
    ['stops before anything is touched when nobody has accepted', false],
    ['brings, when that was accepted,', true],
  ])('%s that the latest backup is unverified', async (_, acceptUnverified) => {
    await backUp(estate)
    estate.db.write((tx) => tx.update(backups).set({ adoptedAt: 1 }).run())
    estate.do((tx, services, id, asked) =>
      moveToNewServer(tx, services, id, { ...asked, acceptOlderBackup: true, acceptUnverified }),
    )
    kill()
    await estate.live()
    expect(estate.run.status).toBe(acceptUnverified ? 'succeeded' : 'failed')
    if (acceptUnverified) return
    expect(estate.run).toMatchObject({ step: 'check-move', errorCode: 'conflict' })
    expect(estate.run.reason).toContain('unverified')
    expect(await cloudServers()).toHaveLength(1)
  })

  test('stops before anything is touched when nobody has accepted the older backup', async () => {
    await backUp(estate)
    kill()
    await move()
    expect(estate.run).toMatchObject({ status: 'failed', step: 'check-move', errorCode: 'conflict' })
    expect(await cloudServers()).toHaveLength(1)
  })

  test('waits for a server that is silent for a moment', async () => {
    await leaveNote(estate, 'my diary')
    estate.fault('machine', 'status', 'lose_reply', { times: 2 })
    await move()
    expect(estate.run.status).toBe('succeeded')
    expect(await notesOf(estate)).toEqual(['my diary'])
  })

  test('does so also when the server is gone at the cloud', async () => {
    await leaveNote(estate, 'before')
    await backUp(estate)
    const { externalId } = current()
    await estate.services.cloud.deleteServer(externalId ?? '')
    await Bun.sleep(10)
    await move(undefined, true)
    expect(estate.run.status).toBe('succeeded')
    expect(await notesOf(estate)).toEqual(['before'])
    expect(roles()).toEqual(['former, gone', 'current'])
  })

  test('without any backup stops with the reason before anything is touched', async () => {
    kill()
    const before = estate.exchanges.length
    await move()
    expect(estate.run).toMatchObject({ status: 'failed', step: 'check-move', errorCode: 'conflict' })
    expect(estate.run.reason).toContain('there is no backup of the app to move with')
    const changing = estate.exchanges.slice(before).filter(({ method }) => method !== 'GET')
    expect(changing.filter(({ provider }) => provider !== 'resend')).toEqual([])
    await mendLatest(estate, undo)
    expect(roles()).toEqual(['current', 'former, gone'])
  })

  test('is seen beforehand, and so is what there is to move with', async () => {
    await backUp(estate)
    const look = () => lookAtMove(estate.services, estate.tenant.id)
    expect(await look()).toMatchObject({ answers: true, serverType: 'cpx21', location: 'nbg1' })
    kill()
    const outlook = await look()
    expect(outlook).toMatchObject({ answers: false, latest: { method: 'app', status: 'complete' } })
    estate.db.write((tx) => tx.delete(backups).run())
    await expect(look()).rejects.toThrow('there is no backup of the app to move with')
  })

  test('takes the latest backup also when the server dies on the way', async () => {
    await leaveNote(estate, 'before')
    const backupId = await backUp(estate)
    await leaveNote(estate, 'lost')
    askMove(undefined, true)
    await estate.liveUntil('deliver-settings: succeeded', kill)
    await estate.live()
    expect(estate.run.status).toBe('succeeded')
    expect(await notesOf(estate)).toEqual(['before'])
    expect(getBackup(estate.db.read, backupId).status).toBe('complete')
  })

  test('but not when it answers and only its copy fails: then newer data would be lost', async () => {
    await backUp(estate)
    await leaveNote(estate, 'newer')
    estate.fault('machine', 'backup', 'refuse', { code: 'unavailable', times: 10 })
    await move()
    expect(estate.run).toMatchObject({ status: 'failed', step: 'copy-data' })
    await mendLatest(estate, retry)
    expect(await notesOf(estate)).toEqual(['newer'])
  })
})

describe('a move that goes wrong', () => {
  async function failOnTheNewServer(): Promise<void> {
    await leaveNote(estate, 'my diary')
    estate.fault('machine', 'start', 'refuse', { code: 'conflict' })
    await move()
    expect(estate.run).toMatchObject({ status: 'failed', step: 'start-app' })
  }

  test('brings the tenant back to its old server, with its name, when it is undone', async () => {
    const old = current()
    await failOnTheNewServer()
    expect(recordNow()).not.toEqual([old.ipv4 ?? ''])
    await mendLatest(estate, undo)
    expect(estate.run.status).toBe('cancelled')
    expect(current().id).toBe(old.id)
    expect(recordNow()).toEqual([old.ipv4 ?? ''])
    expect(await notesOf(estate)).toEqual(['my diary'])
    expect((await cloudServers()).map(({ name }) => name)).toEqual([old.name])
    expect(roles()).toEqual(['current', 'former, gone'])
    expect(await estate.holdings()).toMatchObject({ servers: 1, addresses: 2, records: 1, app: 'running' })
  })

  test('holds the new address for twice the TTL before it gives it back', async () => {
    await failOnTheNewServer()
    await mendLatest(estate, undo)
    expect(asked().server - asked().record).toBeGreaterThanOrEqual(TWO_TTL_MS)
  })

  test('brings the name back also when an older database has forgotten that it went', async () => {
    const old = current()
    await failOnTheNewServer()
    estate.db.sqlite.run(`UPDATE dns_records SET value = '${old.ipv4}'`)
    estate.db.sqlite.run(
      `UPDATE steps SET status = 'pending' WHERE run_id = ? AND name IN
       ('point-dns', 'wait-for-dns', 'start-app')`,
      [estate.run.id],
    )
    estate.db.sqlite.run(`UPDATE steps SET finished_at = NULL WHERE name = 'point-dns'`)
    await mendLatest(estate, undo)
    expect(recordNow()).toEqual([old.ipv4 ?? ''])
    expect((await cloudServers()).map(({ name }) => name)).toEqual([old.name])
    expect(asked().server - asked().record).toBeGreaterThanOrEqual(TWO_TTL_MS)
  })

  test('starts the app on its old server also when an older database has forgotten that it stopped', async () => {
    const old = current()
    await failOnTheNewServer()
    estate.db.sqlite.run(`UPDATE dns_records SET value = '${old.ipv4}'`)
    estate.db.sqlite.run(
      `UPDATE steps SET status = 'pending', output = NULL, started_at = NULL, finished_at = NULL
       WHERE run_id = ? AND position >= (SELECT position FROM steps WHERE run_id = ? AND name = 'stop-old-app')`,
      [estate.run.id, estate.run.id],
    )
    await mendLatest(estate, undo)
    expect(estate.run.status).toBe('cancelled')
    expect(recordNow()).toEqual([old.ipv4 ?? ''])
    expect(await estate.holdings()).toMatchObject({ servers: 1, app: 'running' })
    expect(await notesOf(estate)).toEqual(['my diary'])
  })

  test('never points the name back to an address that is no longer ours', async () => {
    await failOnTheNewServer()
    const { externalId } = current()
    await estate.services.cloud.deleteServer(externalId ?? '')
    await Bun.sleep(10)
    await mendLatest(estate, undo)
    expect(estate.run.status).toBe('cancelled')
    expect(recordNow()).toBeUndefined()
    expect(await cloudServers()).toEqual([])
  })

  test('or that somebody cancels on the way is brought back too', async () => {
    const old = current()
    await leaveNote(estate, 'my diary')
    askMove()
    await estate.liveUntil('point-dns: succeeded', () =>
      estate.db.write((tx) => cancel(tx, estate.services, estate.run.id, { id: 'test' }, estate.clock.now())),
    )
    await estate.live()
    expect(estate.run.status).toBe('cancelled')
    expect([current().id, recordNow()]).toEqual([old.id, [old.ipv4 ?? '']])
    expect(await notesOf(estate)).toEqual(['my diary'])
    expect(await cloudServers()).toHaveLength(1)
  })

  test('goes on where it stopped when it is retried', async () => {
    await failOnTheNewServer()
    await mendLatest(estate, retry)
    expect(estate.run.status).toBe('succeeded')
    expect(await notesOf(estate)).toEqual(['my diary'])
    expect(await cloudServers()).toHaveLength(1)
  })

  test('can be tried anew after it was undone', async () => {
    await failOnTheNewServer()
    await mendLatest(estate, undo)
    await move()
    expect(estate.run.status).toBe('succeeded')
    expect(await notesOf(estate)).toEqual(['my diary'])
    expect(roles()).toEqual(['former, gone', 'former, gone', 'current'])
  })

  test('can’t be taken back once the new server is the tenant’s own', async () => {
    estate.fault('hetzner', 'DELETE /servers/{id}', 'refuse', { code: 'protected' })
    await move()
    expect(estate.run).toMatchObject({ status: 'failed', step: 'retire-old-server' })
    expect(() =>
      estate.db.write((tx) => undo(tx, estate.services, estate.run.id, { id: 'test' }, estate.clock.now())),
    ).toThrow('that can’t be taken back')
    expect((await estate.visit()).status).toBe(200)
    await mendLatest(estate, retry)
    expect(await cloudServers()).toHaveLength(1)
  })
})

describe('a move is refused', () => {
  test('of an app that can’t be copied', () => {
    Object.assign(estate.services, { objects: null })
    expect(() => askMove()).toThrow('No storage for backups is configured.')
  })

  test('with an image, or a backup of another tenant', async () => {
    const image = await backUp(estate, 'image')
    expect(() => askMove(image)).toThrow('An image goes back to its own server only.')
    expect(() => askMove('bak_none')).toThrow('There is no such backup.')
  })

  test.each(['provisioning', 'failed', 'deleting', 'deleted'] as const)(
    'of a tenant that is %s',
    (status) => {
      estate.db.sqlite.exec('DROP TRIGGER tenants_transition')
      estate.db.write((tx) => tx.update(tenants).set({ status }).run())
      expect(() => askMove()).toThrow('can be moved')
    },
  )

  test('while another one has stopped half-way', async () => {
    estate.fault('machine', 'start', 'refuse', { code: 'conflict' })
    await move()
    expect(() => askMove()).toThrow('has stopped half-way')
  })
})
