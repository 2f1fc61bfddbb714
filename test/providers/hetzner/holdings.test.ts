import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { HetznerProject, LABELS, refused } from './project'

let project: HetznerProject

beforeEach(() => {
  project = new HetznerProject()
})

afterEach(() => project.stand.stop())

describe('addresses', () => {
  test('of a server are listed with it, as the server knows them', async () => {
    const { cloud } = project
    const server = await project.server()
    const { createdAt, location } = server
    const common = { serverId: server.id, location, labels: {}, createdAt }
    expect(await cloud.listPrimaryIps()).toEqual([
      { id: server.ipv4Id!, ip: server.ipv4!, type: 'ipv4', ...common },
      { id: server.ipv6Id!, ip: server.ipv6!, type: 'ipv6', ...common },
    ])
  })

  test('go with their server; one that was left behind stays until it is given back', async () => {
    const { cloud, stand } = project
    const { id: serverId } = await project.server()
    const left = stand.twin.seedPrimaryIp({ labels: LABELS })
    await cloud.deleteServer(serverId)
    project.wait()
    expect(await cloud.listPrimaryIps()).toMatchObject([
      { id: left.id, ip: left.ip, serverId: null, labels: LABELS },
    ])
    await cloud.deletePrimaryIp(left.id)
    expect(await cloud.listPrimaryIps()).toEqual([])
    await cloud.deletePrimaryIp(left.id)
  })

  test('in use or protected are a conflict', async () => {
    const { cloud, stand } = project
    const server = await project.server()
    expect(await refused(cloud.deletePrimaryIp(server.ipv4Id!))).toMatchObject({
      code: 'conflict',
      vendorCode: 'must_be_unassigned',
    })
    const { id } = stand.twin.seedPrimaryIp({ protected: true })
    expect(await refused(cloud.deletePrimaryIp(id))).toMatchObject({
      code: 'conflict',
      vendorCode: 'protected',
    })
    expect(await cloud.listPrimaryIps()).toHaveLength(3)
  })

  test('are listed page by page', async () => {
    for (let n = 0; n < 120; n++) project.stand.twin.seedPrimaryIp()
    const listed = await project.cloud.listPrimaryIps()
    expect(new Set(listed.map((address) => address.ip)).size).toBe(120)
    expect(project.asked('GET /primary_ips')).toBe(3)
  })
})

describe('volumes', () => {
  test('are listed by labels, page by page', async () => {
    const { cloud, stand } = project
    const { id: serverId } = await project.server()
    const { id } = stand.twin.seedVolume({ name: 'data', sizeGb: 20, serverId, labels: LABELS })
    for (let n = 0; n < 60; n++) stand.twin.seedVolume({ name: `v${n}`, sizeGb: 10 })
    expect(await cloud.listVolumes(LABELS)).toEqual([
      { id, name: 'data', sizeGb: 20, serverId, labels: LABELS, createdAt: stand.clock.now() },
    ])
    expect(await cloud.listVolumes({})).toHaveLength(61)
    expect(project.asked('GET /volumes')).toBe(3)
  })

  test('stay when their server goes, and are deleted once no server has them', async () => {
    const { cloud, stand } = project
    const { id: serverId } = await project.server()
    const { id } = stand.twin.seedVolume({ name: 'data', sizeGb: 20, serverId, labels: LABELS })
    expect(await refused(cloud.deleteVolume(id))).toMatchObject({ code: 'conflict' })
    expect(project.asked('DELETE /volumes/{id}')).toBe(0)
    await cloud.deleteServer(serverId)
    project.wait()
    expect(await cloud.listVolumes(LABELS)).toMatchObject([{ id, serverId: null }])
    await cloud.deleteVolume(id)
    expect(await cloud.listVolumes(LABELS)).toEqual([])
    await cloud.deleteVolume(id)
  })

  test('that are protected are a conflict', async () => {
    const { id } = project.stand.twin.seedVolume({ name: 'kept', sizeGb: 10, protected: true })
    expect(await refused(project.cloud.deleteVolume(id))).toMatchObject({
      code: 'conflict',
      vendorCode: 'protected',
    })
  })
})

test('prices are net, a month, in cents, and those of addresses by location', async () => {
  const { cloud } = project
  const { currency, addressCents, imageGbCents, volumeGbCents } = await cloud.getPrices()
  expect(currency).toBe('eur')
  expect(addressCents.ipv4).toMatchObject({ nbg1: 50, fsn1: 50 })
  expect(addressCents.ipv6.nbg1).toBe(0)
  expect(imageGbCents).toBeCloseTo(1.19)
  expect(volumeGbCents).toBeCloseTo(4.4)
  expect(project.asked('GET /pricing')).toBe(1)
})

describe('what the project may have', () => {
  const full = { code: 'conflict', vendorCode: 'resource_limit_exceeded' }

  test('ends at its number of servers, and begins again when Hetzner allows more', async () => {
    const { cloud, stand } = project
    await project.server()
    stand.twin.setLimits({ servers: 1 })
    const second = await project.spec({ name: 'atlas-bob' })
    expect(await refused(cloud.ensureServer(second))).toMatchObject(full)
    stand.twin.setLimits({ servers: 2 })
    expect(await cloud.ensureServer(second)).toMatchObject({ created: true })
  })

  test('ends at its number of addresses, also of those that no server has', async () => {
    const { cloud, stand } = project
    await project.server()
    stand.twin.setLimits({ primaryIps: 4 })
    const left = stand.twin.seedPrimaryIp()
    const second = await project.spec({ name: 'atlas-bob' })
    expect(await refused(cloud.ensureServer(second))).toMatchObject(full)
    await cloud.deletePrimaryIp(left.id)
    expect(await cloud.ensureServer(second)).toMatchObject({ created: true })
  })

  test('is used up by nothing that was refused', async () => {
    const { cloud, stand } = project
    stand.twin.setLimits({ servers: 0 })
    await refused(cloud.ensureServer(await project.spec()))
    expect(await cloud.listServers({})).toEqual([])
    expect(await cloud.listPrimaryIps()).toEqual([])
  })
})
