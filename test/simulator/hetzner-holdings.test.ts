import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { HetznerStand } from './hetzner-stand'

let stand: HetznerStand

beforeEach(() => {
  stand = new HetznerStand()
})

afterEach(() => stand.stop())

const DAY_MS = 86_400_000

type Body = {
  server: { id: number; status: string; volumes: number[]; image: { id: number } | null }
  images: { id: number; created: string; image_size: number }[]
  image: { id: number; status: string; image_size: number | null; protection: { delete: boolean } }
  primary_ip: { assignee_id: number | null; auto_delete: boolean }
  volume: { id: number; server: number | null }
  action: { id: number; command: string }
  root_password: string | null
}

const call = (...asked: Parameters<HetznerStand['call']>) => stand.call<Body>(...asked)

/** A server that runs. */
async function running(change: object = {}): Promise<string> {
  const order = {
    name: 'web',
    server_type: 'cpx21',
    location: 'fsn1',
    image: 'debian-13',
    ssh_keys: ['atlas'],
  }
  const { json } = await call('POST', '/servers', { ...order, ...change })
  stand.clock.advance(10_000)
  return String(json.server.id)
}

async function act(id: string, verb: string, body?: object) {
  const answer = await call('POST', `/servers/${id}/actions/${verb}`, body)
  stand.clock.advance(10_000)
  return answer
}

const statusOf = async (id: string) => (await call('GET', `/servers/${id}`)).json.server.status

describe('what a simulated server has', () => {
  test('its volumes stand in it, and stay without it', async () => {
    const serverId = await running()
    const { id } = stand.twin.seedVolume({ name: 'data', sizeGb: 20, serverId })
    expect((await call('GET', `/servers/${serverId}`)).json.server.volumes).toEqual([Number(id)])
    expect(await call('DELETE', `/volumes/${id}`)).toMatchObject({ status: 422, error: 'service_error' })
    await call('DELETE', `/servers/${serverId}`)
    stand.clock.advance(10_000)
    expect((await call('GET', `/volumes/${id}`)).json.volume.server).toBeNull()
    expect(await call('DELETE', `/volumes/${id}`)).toMatchObject({ status: 204 })
    expect(await call('GET', `/volumes/${id}`)).toMatchObject({ status: 404, error: 'not_found' })
  })

  test('an address that was left behind has no server', async () => {
    const { id, ip } = stand.twin.seedPrimaryIp({ type: 'ipv6' })
    expect(ip).toMatch(/^2001:db8:/)
    const { primary_ip } = (await call('GET', `/primary_ips/${id}`)).json
    expect(primary_ip).toMatchObject({ assignee_id: null, auto_delete: false })
    expect(await call('DELETE', `/primary_ips/${id}`)).toMatchObject({ status: 204 })
    expect(await call('DELETE', `/primary_ips/${id}`)).toMatchObject({ status: 404, error: 'not_found' })
  })

  test('power that is there already is ordered again without harm', async () => {
    const id = await running()
    await call('POST', `/servers/${id}/actions/poweron`)
    expect(await statusOf(id)).toBe('running')
    await act(id, 'poweroff')
    await act(id, 'poweroff')
    expect(await statusOf(id)).toBe('off')
  })
})

describe('simulated images', () => {
  test('are as large as what the machine wrote', async () => {
    const id = await running()
    const sizeOf = async (disk: string) => {
      stand.driver.disks.set(id, disk)
      const { json } = await act(id, 'create_image', {})
      return (await call('GET', `/images/${json.image.id}`)).json.image.image_size
    }
    const [small, large] = [await sizeOf(''), await sizeOf('x'.repeat(200_000))]
    expect([small, large]).toEqual([1.1, 2.1])
  })

  test('can be protected from deletion, and freed again', async () => {
    const { id } = stand.twin.seedSnapshot({ description: 'precious' })
    const protect = (wanted: boolean) =>
      call('POST', `/images/${id}/actions/change_protection`, { delete: wanted })
    expect((await protect(true)).json.action.command).toBe('change_protection')
    expect(await call('DELETE', `/images/${id}`)).toMatchObject({ status: 423, error: 'protected' })
    await protect(false)
    expect(await call('DELETE', `/images/${id}`)).toMatchObject({ status: 204 })
  })

  test('are held while a rebuild needs them', async () => {
    const id = await running()
    const { json } = await act(id, 'create_image', {})
    const rebuild = await call('POST', `/servers/${id}/actions/rebuild`, { image: String(json.image.id) })
    expect(rebuild.json.root_password).toBeNull()
    expect(await statusOf(id)).toBe('rebuilding')
    expect(await call('DELETE', `/images/${json.image.id}`)).toMatchObject({ status: 423, error: 'locked' })
    stand.clock.advance(10_000)
    expect((await call('GET', `/servers/${id}`)).json.server.image?.id).toBe(json.image.id)
    expect(await call('DELETE', `/images/${json.image.id}`)).toMatchObject({ status: 204 })
    expect((await call('GET', `/servers/${id}`)).json.server.image).toBeNull()
  })

  test('keep the system they began with, over rebuilds and new servers', async () => {
    const id = await running({ server_type: 'cax11' })
    const first = (await act(id, 'create_image', {})).json.image.id
    const again = await running({ name: 'again', server_type: 'cax11', image: String(first) })
    const second = (await act(again, 'create_image', {})).json.image.id
    await call('DELETE', `/images/${first}`)
    const third = await running({ name: 'third', server_type: 'cax11', image: String(second) })
    expect(await statusOf(third)).toBe('running')
    expect((await call('GET', `/images/${second}`)).json.image).toMatchObject({
      architecture: 'arm',
      os_version: '13',
    })
  })
})

describe('daily backups in the simulated Hetzner', () => {
  const backups = async () => (await call('GET', '/images?type=backup&sort=created:asc')).json.images

  test('are made each day, and the newest seven are kept', async () => {
    await act(await running(), 'enable_backup')
    stand.clock.advance(30 * DAY_MS)
    const kept = await backups()
    expect(kept.map((image) => image.created)).toEqual(
      [15, 16, 17, 18, 19, 20, 21].map((day) => `2026-12-${day}T22:00:00Z`),
    )
  })

  test('are there for days on which the simulator slept, as far as they would still be kept', async () => {
    const file = join(tmpdir(), `atlas-backups-${crypto.randomUUID()}.sqlite`)
    const reopen = async (startAt?: number) => {
      await stand.stop()
      stand = new HetznerStand({ file, startAt })
    }
    await reopen()
    await act(await running(), 'enable_backup')
    await reopen(stand.clock.now() + 3 * DAY_MS)
    stand.clock.advance(DAY_MS)
    expect(await backups()).toHaveLength(4)
    await reopen(stand.clock.now() + 30 * DAY_MS)
    stand.clock.advance(DAY_MS)
    const kept = await backups()
    expect(kept).toHaveLength(7)
    expect(kept[0]!.created).toBe('2026-12-20T22:00:00Z')
    rmSync(file)
  })

  test('are not made of a server that has them off', async () => {
    const id = await running()
    stand.clock.advance(2 * DAY_MS)
    expect(await backups()).toEqual([])
    await act(id, 'enable_backup')
    stand.clock.advance(DAY_MS)
    expect(await backups()).toHaveLength(1)
    await act(id, 'disable_backup')
    expect(await backups()).toEqual([])
    stand.clock.advance(DAY_MS)
    expect(await backups()).toEqual([])
  })
})

describe('limits and lists', () => {
  test('a full project names its limit', async () => {
    stand.twin.setLimits({ primaryIps: 1 })
    const order = { name: 'web', server_type: 'cpx21', image: 'debian-13' }
    const refused = await stand.call<{ error: { message: string; details: object } }>(
      'POST',
      '/servers',
      order,
    )
    expect(refused).toMatchObject({ status: 403, error: 'resource_limit_exceeded' })
    expect(refused.json.error).toMatchObject({ details: { limits: [{ name: 'primary_ip_limit' }] } })
    const lean = { ...order, public_net: { enable_ipv4: true, enable_ipv6: false } }
    expect(await call('POST', '/servers', lean)).toMatchObject({ status: 201 })
  })

  test('lists that begin to lag right after a change do not show it', async () => {
    const names = async () =>
      (await stand.call<{ servers: { name: string }[] }>('GET', '/servers')).json.servers.map(
        (one) => one.name,
      )
    await running({ name: 'first' })
    await running({ name: 'second' })
    expect(await names()).toEqual(['first', 'second'])
    stand.twin.stale(20_000)
    expect(await names()).toEqual(['first'])
    stand.clock.advance(20_000)
    expect(await names()).toEqual(['first', 'second'])
    stand.twin.stale(20_000)
    expect(await names()).toEqual(['first', 'second'])
  })

  test('lists that lag show what was there, filtered as always, and catch up', async () => {
    const first = await running({ labels: { env: 'prod' } })
    stand.clock.advance(20_000)
    stand.twin.stale(20_000)
    await running({ name: 'second', labels: { env: 'prod' } })
    await call('PUT', `/servers/${first}`, { labels: { env: 'test' } })
    const listed = async () => {
      const path = '/servers?label_selector=env%3D%3Dprod'
      return (await stand.call<{ servers: { name: string }[] }>('GET', path)).json.servers
    }
    expect((await listed()).map((server) => server.name)).toEqual(['web'])
    stand.clock.advance(10_000)
    expect((await listed()).map((server) => server.name)).toEqual(['second'])
  })
})
