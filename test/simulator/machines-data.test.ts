import { afterEach, describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Decrypter, generateX25519Identity, identityToRecipient } from 'age-encryption'
import type { AgentVerb, MachineTarget } from '../../src/providers/machines'
import { createS3 } from '../../src/providers/s3'
import { Front } from '../../src/simulator/front'
import { S3Twin } from '../../src/simulator/s3'
import { bringUp, COMPOSE, openPark, type Park, type ParkOptions, thrownBy, userDataOf } from './machine-park'

const STORAGE = { region: 'auto', accessKeyId: 'AKIA0', secretAccessKey: 'stays-secret', bucket: 'backups' }
const identity = await generateX25519Identity()
const recipient = await identityToRecipient(identity)
const PART = { name: 'main', service: 'database', command: ['pg'] }

const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

async function open(options: ParkOptions = {}) {
  const park = await openPark(options)
  ends.push(() => park.close())
  const twin = new S3Twin(park.world, STORAGE)
  const front = new Front(park.world, [twin], async () => null)
  ends.push(() => front.stop())
  const objects = createS3({ ...STORAGE, endpoint: `${front.listen(0)}/s3`, clock: park.clock })
  const backup = async () => ({
    upload_url: await objects.uploadUrl('one', 3_600),
    recipient,
    dumps: [PART],
    volumes: ['uploads'],
  })
  const restore = async (sha256: unknown, change: object = {}) => ({
    download_url: await objects.downloadUrl('one', 3_600),
    identity,
    sha256,
    restores: [PART],
    volumes: ['uploads'],
    ...change,
  })
  return { ...park, park, front, objects, backup, restore, stored: () => twin.stored()[0] }
}

async function withApp(options?: ParkOptions) {
  const land = await open(options)
  const target = land.create()
  await bringUp(land.park, target)
  return { ...land, target }
}

type Land = Awaited<ReturnType<typeof open>>

/** Everything takes as long as at real clouds, on a clock that the test moves. */
async function atRealPace(file?: string) {
  const land = paced(await open({ speed: 1, file }))
  const target = land.create()
  land.clock.advance(30_000)
  await land.hurry(bringUp(land.park, target))
  return { ...land, target }
}

function paced<L extends Land>(land: L) {
  const machine = () => land.world.table<{ id: string; commands: { end: unknown }[] }>('machines').get('1')
  return {
    ...land,
    /** Moves the clock on until the work is done. */
    async hurry<T>(work: Promise<T>): Promise<T> {
      let isOver = false
      const over = () => {
        isOver = true
      }
      work.then(over, over)
      while (!isOver) {
        await Bun.sleep(1)
        land.clock.advance(500)
      }
      return work
    },
    /** Resolves when the machine has begun to carry something. */
    async carrying() {
      for (let i = 0; i < 1_000; i++) {
        if (machine()?.commands.some(({ end }) => end === null)) return
        await Bun.sleep(1)
      }
      throw new Error('nothing is carried')
    },
  }
}

const visit = (park: Park, path = '/', init?: RequestInit, number = 1) =>
  park.sim.doors.answerHttp(`198.18.0.${number}`, new Request(`http://t${number}.localhost${path}`, init))
const leave = (park: Park, note: string, number = 1) =>
  visit(park, '/notes', { method: 'POST', body: new URLSearchParams({ note }) }, number)
const page = async (park: Park, number = 1) => {
  const answer = await visit(park, '/', undefined, number)
  return answer === 'refused' ? answer : answer.text()
}
const statusOf = (answer: Response | 'refused') => (answer === 'refused' ? answer : answer.status)

describe('the sample app', () => {
  test('keeps notes that visitors leave, escaped and bounded', async () => {
    const { park } = await withApp()
    const answer = await leave(park, '  <b>bold</b>\n & me ')
    expect(answer).toMatchObject({ status: 303 })
    expect(await page(park)).toContain('<li>&lt;b&gt;bold&lt;/b&gt; &amp; me</li>')
    for (const nothing of ['', '   ', 'x'.repeat(9_000)]) await leave(park, nothing)
    expect(park.sim.data('1').notes).toEqual(['<b>bold</b> & me'])
    for (let i = 0; i < 60; i++) await leave(park, `${i}${'🙂'.repeat(300)}`)
    const { notes } = park.sim.data('1')
    expect([notes.length, notes.at(-1)?.startsWith('59'), [...notes[0]!].length]).toEqual([50, true, 280])
    expect(statusOf(await visit(park, '/elsewhere', { method: 'POST', body: 'note=x' }))).toBe(405)
  })

  test('keeps them over stop, start and a power cut, and loses them with the server', async () => {
    const { park, run, target, sim, booted } = await withApp()
    await leave(park, 'still here')
    await run(target, 'stop', {}, 'stop-1')
    expect(await page(park)).toBe('refused')
    await run(target, 'start', { release: 'v43' }, 'start-2')
    sim.kill('1')
    sim.resume('1')
    await booted(target)
    expect(sim.data('1').notes).toEqual(['still here'])
    sim.delete('1')
    park.create()
    expect(sim.data('1').notes).toEqual([])
  })
})

describe('a stopped app', () => {
  test('has its holding page for everybody, escaped, until it has started again', async () => {
    const { park, run, target, hurry } = await atRealPace()
    await hurry(run(target, 'stop', { holding: { title: 'Paused <1>', message: 'Back & soon' } }, 'stop-1'))
    for (const path of ['/', '/health', '/deep/path']) {
      const answer = await visit(park, path)
      expect(statusOf(answer)).toBe(503)
      const text = answer === 'refused' ? '' : await answer.text()
      expect(text).toContain('<h1>Paused &lt;1&gt;</h1><p class="lead">Back &amp; soon</p>')
    }
    const started = run(target, 'start', { release: 'v42' }, 'start-2')
    await Bun.sleep(20)
    expect(statusOf(await visit(park))).toBe(503)
    await hurry(started)
    expect(statusOf(await visit(park))).toBe(200)
  })

  test('has none when whoever stops it says nothing of one, and no malformed one', async () => {
    const { park, run, target } = await withApp()
    await run(target, 'stop', { holding: { title: 'Paused', message: 'Back' } }, 'stop-1')
    await run(target, 'stop', {}, 'stop-2')
    expect(await page(park)).toBe('refused')
    const malformed = run(target, 'stop', { holding: { title: 'Paused' } }, 'stop-3')
    expect(await thrownBy(malformed)).toMatchObject({ code: 'invalid' })
  })
})

describe('backup and restore', () => {
  test('carry the data through the storage, encrypted, to this machine and to another', async () => {
    const { park, run, target, backup, restore, stored, create, booted, sim } = await withApp()
    await leave(park, 'precious')
    const { result } = await run(target, 'backup', await backup(), 'backup-1')
    const bytes = Buffer.from(stored()!.body, 'base64')
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    expect(result).toEqual({ size_bytes: bytes.length, sha256 })
    expect(bytes.toString('latin1')).not.toContain('precious')
    const decrypter = new Decrypter()
    decrypter.addIdentity(identity)
    expect(await decrypter.decrypt(bytes, 'text')).toContain('precious')

    await leave(park, 'regretted')
    expect((await run(target, 'restore', await restore(sha256), 'restore-1')).result).toEqual({})
    expect([sim.data('1').notes, await page(park)]).toEqual([['precious'], 'refused'])

    const other = create(2)
    await booted(other)
    const settings = { compose: COMPOSE, env: { REPO: 'acme/app' } }
    await run(other, 'settings', settings, 'settings-1')
    await run(other, 'restore', await restore(sha256), 'restore-1')
    await run(other, 'start', { release: 'v42' }, 'start-1')
    expect(await page(park, 2)).toContain('<li>precious</li>')
  })

  test('tell what they do, are done once for one id, and keep other commands waiting', async () => {
    const { run, machines, target, backup, front } = await withApp()
    const logs: string[] = []
    const input = await backup()
    const command = { verb: 'backup' as const, commandId: 'once', input }
    const first = machines.run(target, command, { onLog: (line) => logs.push(line) })
    await Bun.sleep(5)
    const [one, two, stopped] = await Promise.all([
      first,
      machines.run(target, command),
      run(target, 'stop', {}, 'stop-1'),
    ])
    expect([one.result, stopped.result]).toEqual([two.result, {}])
    expect(logs).toEqual(['Dumping main', 'Packing and encrypting', 'Uploading'])
    expect(front.journal).toHaveLength(1)
    expect(await machines.run(target, command)).toEqual(one)
    expect(await thrownBy(run(target, 'backup', { ...input, volumes: [] }, 'once'))).toMatchObject({
      code: 'conflict',
    })
  })

  test('touch nothing when the backup is another, opens with another key, or is gone', async () => {
    const { park, run, target, backup, restore, objects, sim } = await withApp()
    await leave(park, 'kept')
    const { sha256 } = (await run(target, 'backup', await backup(), 'backup-1')).result
    await leave(park, 'kept too')
    const tries: [object, string][] = [
      [{ sha256: '0'.repeat(64) }, 'conflict'],
      [{ identity: await generateX25519Identity() }, 'conflict'],
      [{ identity: 'none' }, 'invalid'],
      [{ download_url: await objects.downloadUrl('other', 60) }, 'not_found'],
      [{ restores: [{ ...PART, service: 'nobody' }] }, 'unavailable'],
    ]
    for (const [index, [change, code]] of tries.entries()) {
      const failed = run(target, 'restore', await restore(sha256, change), `restore-${index}`)
      expect([index, (await thrownBy(failed)).code]).toEqual([index, code])
    }
    expect(sim.data('1').notes).toEqual(['kept', 'kept too'])
    expect(statusOf(await visit(park))).toBe(200)
  })

  test('are refused without settings, without an app, and by a storage that refuses', async () => {
    const { create, booted, run, backup, front } = await open()
    const target = create()
    await booted(target)
    const refused = async (id: string) => (await thrownBy(run(target, 'backup', await backup(), id))).code
    expect(await refused('a')).toBe('conflict')
    await run(target, 'settings', { compose: COMPOSE, env: { REPO: 'acme/app' } }, 'settings-1')
    expect(await refused('b')).toBe('conflict')
    await run(target, 'start', { release: 'v42' }, 'start-1')
    front.faults.add({ provider: 's3', verb: 'PutObject', kind: 'refuse', times: 1, code: 'AccessDenied' })
    expect(await refused('c')).toBe('unavailable')
    front.faults.add({ provider: 's3', verb: 'PutObject', kind: 'lose_reply', times: 1 })
    expect(await refused('d')).toBe('unavailable')
  })

  test('are cut off by a power cut and begin anew under the same id', async () => {
    const { park, run, target, backup, restore, sim, front, hurry, carrying, clock } = await atRealPace()
    await leave(park, 'precious')
    const input = await backup()
    const lost = thrownBy(run(target, 'backup', input, 'backup-1'))
    await carrying()
    clock.advance(4_000)
    sim.reboot('1')
    expect(await lost).toMatchObject({ code: 'unavailable', outcome: 'unknown' })
    clock.advance(15_000)
    expect(front.journal).toEqual([])
    const { sha256 } = (await hurry(run(target, 'backup', input, 'backup-1'))).result

    const half = await restore(sha256)
    const halfway = thrownBy(run(target, 'restore', half, 'restore-1'))
    await carrying()
    clock.advance(6_000)
    for (let i = 0; i < 500 && (await page(park)) !== 'refused'; i++) await Bun.sleep(1)
    sim.reboot('1')
    expect(await halfway).toMatchObject({ code: 'unavailable', outcome: 'unknown' })
    clock.advance(15_000)
    const start = (id: string) => hurry(run(target, 'start', { release: 'v42' }, id))
    expect(await thrownBy(start('start-2'))).toMatchObject({ code: 'conflict' })
    await hurry(run(target, 'restore', half, 'restore-1'))
    await start('start-3')
    expect(await page(park)).toContain('<li>precious</li>')
  })

  test('that the end of the simulator cut off begin anew after its next start', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'atlas-data-'))
    const file = join(folder, 'clouds.db')
    const first = await atRealPace(file)
    const { target } = first
    const input = await first.backup()
    const lost = thrownBy(first.run(target, 'backup', input, 'backup-1'))
    await first.carrying()
    for (const end of ends.splice(0).reverse()) await end()
    expect(await lost).toMatchObject({ outcome: 'unknown' })
    ends.push(() => rmSync(folder, { recursive: true }))
    const { run, backup, front, hurry } = paced(await open({ speed: 1, file, clock: first.clock }))
    // Its address was the first storage's, which is gone: that it is tried shows that the command goes on.
    expect(await thrownBy(hurry(run(target, 'backup', input, 'backup-1')))).toMatchObject({
      message: 'The backup could not be uploaded.',
    })
    await hurry(run(target, 'backup', await backup(), 'backup-2'))
    expect(front.journal).toHaveLength(1)
  })
})

describe('rotate', () => {
  const hook = { name: 'PASSWORD', service: 'database', command: ['psql'] }
  const input = (value: string, change: object = {}) => ({
    compose: COMPOSE,
    env: { REPO: 'acme/app', PASSWORD: value },
    hooks: [hook],
    ...change,
  })
  const digest = (value: string) => createHash('sha256').update(value).digest('hex')

  test('tells services of their secrets, of which the machine keeps no more than a digest', async () => {
    const { run, target, sim, world } = await withApp()
    const { result } = await run(target, 'rotate', input('first-secret'), 'rotate-1')
    const env = 'REPO=acme/app\nPASSWORD=first-secret\n'
    expect(result).toEqual({ sha256: digest(`${COMPOSE}${env}`) })
    expect(sim.rotated('1')).toEqual({ PASSWORD: digest('first-secret') })
    const again = await run(target, 'rotate', input('second-secret'), 'rotate-2')
    expect(again.result).not.toEqual(result)
    expect(sim.rotated('1')).toEqual({ PASSWORD: digest('second-secret') })
    expect(JSON.stringify(world.table('machines').all())).not.toContain('-secret')
  })

  test.each([
    ['a secret that is not there', { hooks: [{ ...hook, name: 'OTHER' }] }, 'invalid'],
    ['no list', { hooks: 'all' }, 'invalid'],
    ['a service that is not there', { hooks: [{ ...hook, service: 'nobody' }] }, 'unavailable'],
    ['settings that are malformed', { env: { PASSWORD: 'a\nb' } }, 'invalid'],
  ])('refuses %s and changes nothing', async (_, change, code) => {
    const { run, target, sim } = await withApp()
    expect(await thrownBy(run(target, 'rotate', input('x', change), 'rotate-1'))).toMatchObject({ code })
    expect(sim.rotated('1')).toEqual({})
  })
})

describe('a copied disk', () => {
  test('brings app, data and host key back to a machine, which keeps its address', async () => {
    const { park, run, target, sim, booted } = await withApp()
    await leave(park, 'before')
    await run(target, 'rotate', { compose: COMPOSE, env: { REPO: 'a' }, hooks: [] }, 'rotate-1')
    const disk = sim.snapshot('1')
    await leave(park, 'after')
    await run(target, 'stop', { holding: { title: 'Paused', message: 'Back' } }, 'stop-1')
    sim.rebuild('1', disk)
    await booted(target)
    const { result } = await run(target, 'status', {}, 's')
    expect(result).toMatchObject({ ready: true, app: { release: 'v42' }, host_key: target.hostKeys[0] })
    for (let i = 0; i < 100 && statusOf(await visit(park)) !== 200; i++) await Bun.sleep(2)
    expect(sim.data('1').notes).toEqual(['before'])
    // The agent's memory is on the disk as well: an id from before the copy is known, one from after is not.
    expect(await thrownBy(run(target, 'stop', {}, 'rotate-1'))).toMatchObject({ code: 'conflict' })
    expect((await run(target, 'stop', {}, 'stop-1')).result).toEqual({})
  })

  test('becomes a machine of its own with the logins and the host key of its user-data', async () => {
    const { park, sim, booted, run, create } = await withApp()
    await leave(park, 'moved')
    const disk = sim.snapshot('1')
    const { hostKey } = create(2)
    sim.delete('2')
    const spec = { serverId: '2', name: 'tenant-2', ipv4: '198.18.0.2', image: 'snapshot', sshKeys: [] }
    sim.create({ ...spec, userData: userDataOf({ hostKey }), disk })
    const target: MachineTarget = { address: '198.18.0.2', hostKeys: [hostKey.publicKey] }
    await booted(target)
    const { result } = await run(target, 'status', {}, 's')
    expect(result).toMatchObject({ ready: true, app: { release: 'v42' }, host_key: hostKey.publicKey })
    expect(sim.data('2').notes).toEqual(['moved'])
    expect(sim.data('1').notes).toEqual(['moved'])
  })
})

test('every verb of the agent goes through Atlas’s client', async () => {
  const { run, target } = await withApp()
  const verbs: AgentVerb[] = ['backup', 'restore', 'rotate']
  for (const verb of verbs) {
    expect(await thrownBy(run(target, verb, {}, `bad-${verb}`))).toMatchObject({
      code: 'invalid',
      vendorCode: 'agent_invalid',
    })
  }
})
