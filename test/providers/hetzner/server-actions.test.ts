import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import type { CloudStart } from '../../../src/providers/cloud'
import { HetznerProject, refused } from './project'

let project: HetznerProject

beforeEach(() => {
  project = new HetznerProject()
})

afterEach(() => project.stand.stop())

/** Waits for what was begun, which must end well; tells what it was. */
async function ended(start: CloudStart | null): Promise<string> {
  project.wait()
  const [action] = await project.cloud.getActions([start!.actionId])
  expect(action).toMatchObject({ status: 'success', error: null })
  return action!.command
}

const look = async (id: string) => (await project.cloud.getServer(id))!

describe('power', () => {
  test('goes off and on, and is left alone when it is as wanted', async () => {
    const { cloud } = project
    const { id } = await project.server()
    expect(await cloud.powerOn(id)).toBeNull()
    expect(await ended(await cloud.powerOff(id))).toBe('stop_server')
    expect((await look(id)).status).toBe('off')
    expect([await cloud.powerOff(id), await cloud.shutdown(id)]).toEqual([null, null])
    expect(await ended(await cloud.powerOn(id))).toBe('start_server')
    expect((await look(id)).status).toBe('running')
    expect(project.stand.driver.calls).toEqual([`create ${id}`, `powerOff ${id}`, `powerOn ${id}`])
  })

  test('a shutdown has ended before the server is off', async () => {
    const { cloud } = project
    const { id } = await project.server()
    const start = await cloud.shutdown(id)
    project.wait(2_500)
    expect(await cloud.getActions([start!.actionId])).toMatchObject([{ status: 'success' }])
    expect((await look(id)).status).toBe('running')
    project.wait(5_000)
    expect((await look(id)).status).toBe('off')
  })

  test('a system that hangs takes no notice of a shutdown, and loses its power all the same', async () => {
    const { cloud, stand } = project
    const { id } = await project.server()
    stand.twin.ignoreShutdown(id)
    expect(await ended(await cloud.shutdown(id))).toBe('shutdown_server')
    project.wait(600_000)
    expect((await look(id)).status).toBe('running')
    await ended(await cloud.powerOff(id))
    expect((await look(id)).status).toBe('off')
  })

  test('a shutdown that was overtaken does not stop the next boot', async () => {
    const { cloud } = project
    const { id } = await project.server()
    await cloud.shutdown(id)
    project.wait(2_500)
    await cloud.powerOff(id)
    project.wait(2_000)
    await cloud.powerOn(id)
    project.wait(60_000)
    expect((await look(id)).status).toBe('running')
  })

  test('whose order got lost is found as wanted, and nothing is ordered twice', async () => {
    const { cloud } = project
    const { id } = await project.server()
    const verb = 'POST /servers/{id}/actions/poweroff'
    project.inject(verb, 'lose_reply')
    expect(await refused(cloud.powerOff(id))).toMatchObject({ code: 'unavailable', outcome: 'unknown' })
    expect(await refused(cloud.powerOff(id))).toMatchObject({
      code: 'unavailable',
      outcome: 'refused',
      vendorCode: 'locked',
    })
    project.wait()
    expect(await cloud.powerOff(id)).toBeNull()
    expect(project.stand.driver.calls.filter((call) => call === `powerOff ${id}`)).toHaveLength(1)
  })

  test('of a server that is gone is not found', async () => {
    for (const verb of ['powerOn', 'powerOff', 'shutdown'] as const) {
      expect(await refused(project.cloud[verb]('4711'))).toMatchObject({ code: 'not_found' })
    }
    expect(await refused(project.cloud.rebuildServer('4711', 'debian-13'))).toMatchObject({
      code: 'not_found',
    })
  })
})

describe('the type of a server', () => {
  test('changes up with the disk kept small, so that the way back stays', async () => {
    const { cloud, stand } = project
    const { id } = await project.offServer({ serverType: 'cpx21' })
    expect(await ended(await cloud.changeServerType(id, 'ccx23'))).toBe('change_server_type')
    const sent = stand.exchanges.find((exchange) => exchange.verb.endsWith('change_type'))
    expect(JSON.parse(sent!.requestBody)).toEqual({ server_type: 'ccx23', upgrade_disk: false })
    expect(await look(id)).toMatchObject({ serverType: 'ccx23', diskGb: 80, status: 'off' })
    expect(await cloud.changeServerType(id, 'ccx23')).toBeNull()
    await ended(await cloud.changeServerType(id, 'cpx21'))
    expect(await look(id)).toMatchObject({ serverType: 'cpx21', diskGb: 80 })
  })

  test('does not change while it runs, to a smaller disk, or where there is none of that type', async () => {
    const { cloud } = project
    const { id } = await project.server()
    expect(await refused(cloud.changeServerType(id, 'ccx23'))).toMatchObject({
      code: 'conflict',
      vendorCode: 'server_not_stopped',
    })
    await ended(await cloud.powerOff(id))
    expect(await refused(cloud.changeServerType(id, 'cx23'))).toMatchObject({
      code: 'invalid',
      vendorCode: 'invalid_server_type',
    })
    expect(await refused(cloud.changeServerType(id, 'cpx31'))).toMatchObject({
      code: 'conflict',
      vendorCode: 'resource_unavailable',
    })
    expect((await look(id)).serverType).toBe('cpx21')
  })

  test('stays what it was when the change fails', async () => {
    const { cloud, stand } = project
    const { id } = await project.offServer()
    stand.twin.failNextAction('change_server_type', { code: 'action_failed', message: 'Action failed' })
    const start = await cloud.changeServerType(id, 'ccx23')
    project.wait()
    expect(await cloud.getActions([start!.actionId])).toMatchObject([{ status: 'error' }])
    expect(await look(id)).toMatchObject({ serverType: 'cpx21', status: 'off' })
  })
})

describe('a rebuild', () => {
  test('puts back what the image holds; address, name and labels stay', async () => {
    const { cloud, stand } = project
    const before = await project.server()
    stand.driver.disks.set(before.id, 'good data')
    const { image } = await cloud.ensureImage(before.id, { description: 'Before', labels: { run: 'r1' } })
    project.wait()
    stand.driver.disks.set(before.id, 'bad data')
    expect(await ended(await cloud.rebuildServer(before.id, image.id))).toBe('rebuild_server')
    expect(stand.driver.disks.get(before.id)).toBe('good data')
    expect(await look(before.id)).toEqual(before)
  })

  test('that runs already is the answer to another one', async () => {
    const { cloud } = project
    const { id } = await project.server()
    project.inject('POST /servers/{id}/actions/rebuild', 'lose_reply')
    await refused(cloud.rebuildServer(id, 'debian-12'))
    expect((await look(id)).status).toBe('rebuilding')
    expect(await ended(await cloud.rebuildServer(id, 'debian-12'))).toBe('rebuild_server')
    expect(project.asked('POST /servers/{id}/actions/rebuild')).toBe(1)
  })

  test("of one of Hetzner's own images begins anew, with the user-data of the order", async () => {
    const { cloud, stand } = project
    const { id } = await project.server({ userData: '#cloud-config\nhostname: alice\n' })
    await ended(await cloud.rebuildServer(id, 'debian-12'))
    expect(stand.driver.created.map(({ image, userData }) => ({ image, userData }))).toEqual([
      { image: 'debian-13', userData: '#cloud-config\nhostname: alice\n' },
      { image: 'debian-12', userData: '#cloud-config\nhostname: alice\n' },
    ])
    expect((await look(id)).status).toBe('running')
  })

  test('that fails leaves the server off', async () => {
    const { cloud, stand } = project
    const { id } = await project.server()
    stand.twin.failNextAction('rebuild_server', { code: 'action_failed', message: 'Action failed' })
    await cloud.rebuildServer(id, 'debian-12')
    project.wait()
    expect((await look(id)).status).toBe('off')
    await ended(await cloud.powerOn(id))
    expect((await look(id)).status).toBe('running')
  })

  test('needs an image that is there and fits', async () => {
    const { cloud, stand } = project
    const small = await project.server({ name: 'small', serverType: 'cx23' })
    const { id: big } = stand.twin.seedSnapshot({ description: 'big', diskGb: 80 })
    for (const image of ['plan9', '4711', big]) {
      expect(await refused(cloud.rebuildServer(small.id, image))).toMatchObject({
        code: 'invalid',
        fields: { image: 'not accepted by Hetzner' },
      })
    }
  })
})

describe('daily backups', () => {
  const days = 86_400_000

  test('are turned on and off, and left alone when they are as wanted', async () => {
    const { cloud } = project
    const { id } = await project.server()
    expect(await cloud.setBackups(id, false)).toBeNull()
    expect(await ended(await cloud.setBackups(id, true))).toBe('enable_backup')
    expect(await cloud.setBackups(id, true)).toBeNull()
    expect((await look(id)).backups).toBe(true)
    expect(await ended(await cloud.setBackups(id, false))).toBe('disable_backup')
    expect((await look(id)).backups).toBe(false)
  })

  test('hold the disk of their day; seven are kept, and none without the service', async () => {
    const { cloud, stand } = project
    const { id } = await project.server()
    await ended(await cloud.setBackups(id, true))
    for (let day = 1; day <= 9; day++) {
      stand.driver.disks.set(id, `day ${day}`)
      project.wait(days)
    }
    const backups = await cloud.listOwnImages({})
    expect(backups.map((image) => [image.type, image.serverId, image.status])).toEqual(
      Array.from({ length: 7 }, () => ['backup', id, 'available']),
    )
    expect(backups.map((image) => new Date(image.createdAt).toISOString())).toEqual(
      [24, 25, 26, 27, 28, 29, 30].map((day) => `2026-11-${day}T22:00:00.000Z`),
    )
    await ended(await cloud.rebuildServer(id, backups[0]!.id))
    expect(stand.driver.disks.get(id)).toBe('day 3')
    await ended(await cloud.setBackups(id, false))
    expect(await cloud.listOwnImages({})).toEqual([])
  })

  test('lock the server while they are made, and go with it', async () => {
    const { cloud } = project
    const { id } = await project.server()
    await ended(await cloud.setBackups(id, true))
    const tenPm = Date.UTC(2026, 10, 22, 22)
    project.wait(tenPm + 1_000 - project.stand.clock.now())
    expect(await refused(cloud.powerOff(id))).toMatchObject({ vendorCode: 'locked', outcome: 'refused' })
    project.wait()
    expect(await cloud.listOwnImages({})).toHaveLength(1)
    await cloud.deleteServer(id)
    project.wait()
    expect(await cloud.listOwnImages({})).toEqual([])
  })
})
