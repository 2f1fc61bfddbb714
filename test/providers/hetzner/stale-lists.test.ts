import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { FIREWALL, HetznerProject, LABELS, refused } from './project'

let project: HetznerProject

beforeEach(() => {
  project = new HetznerProject()
})

afterEach(() => project.stand.stop())

describe('while the lists lag', () => {
  test('they show the world as it was, and single things as they are', async () => {
    const { cloud, stand } = project
    const old = await project.server({ name: 'old' })
    const image = stand.twin.seedSnapshot({ description: 'old', labels: LABELS })
    const volume = stand.twin.seedVolume({ name: 'old', sizeGb: 10, labels: LABELS })
    const spec = await project.spec({ name: 'new' })
    project.wait(120_000)
    stand.twin.stale(60_000)
    const { server } = await cloud.ensureServer(spec)
    await cloud.deleteServer(old.id)
    await cloud.deleteImage(image.id)
    await cloud.deleteVolume(volume.id)
    project.wait()

    expect(await cloud.listServers(LABELS)).toEqual([old])
    expect((await cloud.listPrimaryIps()).map((address) => address.ip)).toEqual([old.ipv4!, old.ipv6!])
    expect((await cloud.listOwnImages(LABELS)).map((one) => one.id)).toEqual([image.id])
    expect((await cloud.listVolumes(LABELS)).map((one) => one.id)).toEqual([volume.id])
    expect(await cloud.getServer(server.id)).toMatchObject({ status: 'running' })
    expect(await cloud.getServer(old.id)).toBeNull()

    project.wait(50_000)
    expect((await cloud.listServers(LABELS)).map((one) => one.id)).toEqual([server.id])
    expect(await cloud.listPrimaryIps()).toHaveLength(2)
    expect(await cloud.listOwnImages(LABELS)).toEqual([])
  })

  test('a server whose order got lost is looked for until it is listed, and never made twice', async () => {
    const { cloud, stand } = project
    const spec = await project.spec()
    stand.twin.stale(60_000)
    project.inject('POST /servers', 'lose_reply')
    expect(await refused(cloud.ensureServer(spec))).toMatchObject({ outcome: 'unknown' })
    for (let n = 0; n < 3; n++) {
      expect(await refused(cloud.ensureServer(spec))).toMatchObject({
        code: 'unavailable',
        outcome: 'refused',
        vendorCode: 'uniqueness_error',
      })
      project.wait()
    }
    project.wait(60_000)
    expect(await cloud.ensureServer(spec)).toMatchObject({ created: false, server: { status: 'running' } })
    expect(await cloud.listServers(LABELS)).toHaveLength(1)
  })

  test('a server whose order got lost just before they began to lag is not made twice either', async () => {
    const { cloud, stand } = project
    const spec = await project.spec()
    project.inject('POST /servers', 'lose_reply')
    await refused(cloud.ensureServer(spec))
    stand.twin.stale(60_000)
    expect(await cloud.listServers(LABELS)).toEqual([])
    expect(await refused(cloud.ensureServer(spec))).toMatchObject({ vendorCode: 'uniqueness_error' })
    project.wait(60_000)
    expect(await cloud.ensureServer(spec)).toMatchObject({ created: false })
  })

  test('a server that was deleted is not taken for the new one', async () => {
    const { cloud, stand } = project
    const spec = await project.spec()
    const { id: goneId } = await project.server()
    project.wait(120_000)
    stand.twin.stale(60_000)
    await cloud.deleteServer(goneId)
    project.wait()
    const { server, created } = await cloud.ensureServer(spec)
    expect(created).toBe(true)
    expect(server.id).not.toBe(goneId)
  })

  test('a server is adopted with the labels it has, not with those of the list', async () => {
    const { cloud, stand } = project
    const spec = await project.spec()
    const { id } = await project.server()
    project.wait(120_000)
    stand.twin.stale(60_000)
    await stand.call('PUT', `/servers/${id}`, { labels: { other: 'yes' } })
    expect(await refused(cloud.ensureServer(spec))).toMatchObject({ code: 'conflict', vendorCode: undefined })
  })

  test('a firewall whose order got lost is worth another try', async () => {
    const { cloud, stand } = project
    stand.twin.stale(60_000)
    const { id } = await cloud.ensureFirewall(FIREWALL)
    expect(await refused(cloud.ensureFirewall(FIREWALL))).toMatchObject({
      code: 'unavailable',
      outcome: 'refused',
    })
    project.wait(60_000)
    expect(await cloud.ensureFirewall(FIREWALL)).toEqual({ id })
  })
})

describe('faults that are injected by their code', () => {
  test.each([
    ['locked', 'unavailable', 'refused'],
    ['rate_limit_exceeded', 'unavailable', 'refused'],
    ['uniqueness_error', 'unavailable', 'refused'],
    ['resource_limit_exceeded', 'conflict', undefined],
    ['resource_unavailable', 'conflict', undefined],
  ] as const)('%s leaves nothing behind', async (vendorCode, code, outcome) => {
    const { cloud } = project
    const spec = await project.spec()
    project.inject('POST /servers', 'refuse', { code: vendorCode })
    const error = await refused(cloud.ensureServer(spec))
    expect([error.code, error.outcome, error.vendorCode]).toEqual([code, outcome, vendorCode])
    // Also the account of requests has recovered by then.
    project.wait(60_000)
    expect(await cloud.ensureServer(spec)).toMatchObject({ created: true })
    expect(await cloud.listServers({})).toHaveLength(1)
  })
})
