import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { labelSelector } from '../../src/simulator/hetzner/labels'
import { HetznerStand, SSH_KEY } from './hetzner-stand'

let stand: HetznerStand

beforeEach(() => {
  stand = new HetznerStand()
})

afterEach(() => stand.stop())

type Server = {
  id: number
  name: string
  status: string
  public_net: { ipv4: { ip: string }; firewalls: unknown }
}
type Action = { id: number; command: string; status: string }

/** What the tests read of Hetzner's answers, each of which holds some of it. */
type Body = {
  server: Server
  servers: Server[]
  action: Action
  actions: Action[]
  next_actions: Action[]
  image: { id: number }
  firewall: { id: number; rules: unknown }
  primary_ips: { ip: string }[]
  meta: { pagination: unknown }
  error: { code: string; details: { announcement: string; limits: unknown; fields: { name: string }[] } }
}

const call = (...asked: Parameters<HetznerStand['call']>) => stand.call<Body>(...asked)

const order = (name: string, change: Record<string, unknown> = {}) => ({
  name,
  server_type: 'cpx21',
  location: 'fsn1',
  image: 'debian-13',
  ssh_keys: ['atlas'],
  ...change,
})

async function running(name: string, change: Record<string, unknown> = {}): Promise<Server> {
  const { json } = await call('POST', '/servers', order(name, change))
  stand.clock.advance(10_000)
  return json.server
}

describe('a server in the simulated Hetzner', () => {
  test('goes from initializing over starting to running, and its machine is made when it starts', async () => {
    const { json } = await call('POST', '/servers', order('web', { user_data: '#cloud-config\n' }))
    const { id } = json.server
    const status = async () => (await call('GET', `/servers/${id}`)).json.server
    expect(await status()).toMatchObject({ status: 'initializing', locked: true })
    expect(stand.driver.calls).toEqual([])
    stand.clock.advance(7_000)
    expect(stand.driver.created).toEqual([
      {
        serverId: String(id),
        name: 'web',
        ipv4: json.server.public_net.ipv4.ip,
        image: 'debian-13',
        userData: '#cloud-config\n',
        sshKeys: [SSH_KEY],
      },
    ])
    expect(await status()).toMatchObject({ status: 'starting', locked: true })
    stand.clock.advance(2_000)
    expect(await status()).toMatchObject({ status: 'running', locked: false })
  })

  test('is locked while an action runs', async () => {
    const { json } = await call('POST', '/servers', order('web'))
    for (const [method, path] of [
      ['DELETE', `/servers/${json.server.id}`],
      ['POST', `/servers/${json.server.id}/actions/reboot`],
    ] as const) {
      expect(await call(method, path)).toMatchObject({ status: 423, error: 'locked' })
    }
    stand.clock.advance(10_000)
    expect(await call('POST', `/servers/${json.server.id}/actions/reboot`)).toMatchObject({ status: 201 })
  })

  test('obeys the power actions, and so does its machine', async () => {
    const { id } = await running('web')
    const seen: unknown[] = []
    for (const verb of ['poweroff', 'poweron', 'reboot', 'reset', 'shutdown']) {
      const { json } = await call('POST', `/servers/${id}/actions/${verb}`)
      stand.clock.advance(10_000)
      const [after, action] = await Promise.all([
        call('GET', `/servers/${id}`),
        call('GET', `/actions/${json.action.id}`),
      ])
      seen.push([json.action.command, action.json.action.status, after.json.server.status])
    }
    expect(seen).toEqual([
      ['stop_server', 'success', 'off'],
      ['start_server', 'success', 'running'],
      ['reboot_server', 'success', 'running'],
      ['reset_server', 'success', 'running'],
      ['shutdown_server', 'success', 'off'],
    ])
    const machine = ['create', 'powerOff', 'powerOn', 'reboot', 'reboot', 'powerOff']
    expect(stand.driver.calls).toEqual(machine.map((verb) => `${verb} ${id}`))
  })

  test('that is not to start gets its machine at its first start', async () => {
    const { id } = await running('web', { start_after_create: false })
    expect((await call('GET', `/servers/${id}`)).json.server).toMatchObject({ status: 'off' })
    expect(stand.driver.calls).toEqual([])
    await call('POST', `/servers/${id}/actions/poweron`)
    stand.clock.advance(10_000)
    expect(stand.driver.calls).toEqual([`create ${id}`])
  })

  test('is deleting until its deletion has ended, then name and addresses are free', async () => {
    const { id, public_net } = await running('web')
    await call('DELETE', `/servers/${id}`)
    expect((await call('GET', `/servers/${id}`)).json.server).toMatchObject({ status: 'deleting' })
    expect((await call('POST', '/servers', order('web'))).error).toBe('uniqueness_error')
    stand.clock.advance(5_000)
    expect(await call('GET', `/servers/${id}`)).toMatchObject({ status: 404, error: 'not_found' })
    expect(stand.driver.calls.at(-1)).toBe(`delete ${id}`)
    expect((await call('GET', `/primary_ips?ip=${public_net.ipv4.ip}`)).json.primary_ips).toEqual([])
    expect(await call('POST', '/servers', order('web'))).toMatchObject({ status: 201 })
  })

  test('whose creation fails leaves nothing behind', async () => {
    stand.twin.failNextAction('create_server', { code: 'action_failed', message: 'Action failed' })
    const { json } = await call('POST', '/servers', order('web'))
    stand.clock.advance(10_000)
    const ids = [json.action.id, json.next_actions[0]!.id]
    const { json: after } = await call('GET', `/actions?id=${ids[0]}&id=${ids[1]}`)
    expect(after.actions.map((action) => action.status)).toEqual(['error', 'error'])
    expect(await call('GET', `/servers/${json.server.id}`)).toMatchObject({ status: 404 })
    expect(stand.driver.calls).toEqual([])
  })

  test('changes its type only while it is off, and never to a smaller disk', async () => {
    const { id } = await running('web', { server_type: 'ccx13' })
    const change = (server_type: string) =>
      call('POST', `/servers/${id}/actions/change_type`, { server_type, upgrade_disk: true })
    expect((await change('ccx23')).error).toBe('server_not_stopped')
    await call('POST', `/servers/${id}/actions/poweroff`)
    stand.clock.advance(10_000)
    expect((await change('cx23')).error).toBe('invalid_server_type')
    expect((await change('cax11')).error).toBe('invalid_server_type')
    expect(await change('ccx23')).toMatchObject({ status: 201 })
    stand.clock.advance(10_000)
    const { server } = (await call('GET', `/servers/${id}`)).json
    expect(server).toMatchObject({ status: 'off', server_type: { name: 'ccx23' }, primary_disk_size: 160 })
  })

  test('has backups and images', async () => {
    const { id } = await running('web')
    await call('POST', `/servers/${id}/actions/enable_backup`)
    stand.clock.advance(10_000)
    expect((await call('GET', `/servers/${id}`)).json.server).toMatchObject({ backup_window: '22-02' })
    const { json } = await call('POST', `/servers/${id}/actions/create_image`, { type: 'backup' })
    expect(json.image).toMatchObject({ status: 'creating', type: 'backup', bound_to: id })
    stand.clock.advance(10_000)
    const image = `/images/${json.image.id}`
    expect((await call('GET', image)).json.image).toMatchObject({ status: 'available' })
    expect(await call('DELETE', image)).toMatchObject({ status: 204 })
    await call('POST', `/servers/${id}/actions/disable_backup`)
    stand.clock.advance(10_000)
    expect((await call('GET', `/servers/${id}`)).json.server).toMatchObject({ backup_window: null })
  })

  test('can be renamed and labelled', async () => {
    const { id } = await running('web')
    await running('other')
    const changed = await call('PUT', `/servers/${id}`, { name: 'renamed', labels: { a: 'b' } })
    expect(changed.json.server).toMatchObject({ name: 'renamed', labels: { a: 'b' } })
    expect((await call('PUT', `/servers/${id}`, { name: 'other' })).error).toBe('uniqueness_error')
  })
})

describe('the simulated Hetzner refuses', () => {
  test('a bad token, an unknown path, a wrong method, broken JSON and what was removed', async () => {
    expect(await call('GET', '/servers', undefined, 'wrong')).toMatchObject({
      status: 401,
      error: 'unauthorized',
    })
    expect(await call('GET', '/nothing')).toMatchObject({ status: 404, error: 'not_found' })
    expect(await call('GET', '/servers/4711')).toMatchObject({ status: 404, error: 'not_found' })
    expect(await call('DELETE', '/servers')).toMatchObject({ status: 405, error: 'method_not_allowed' })
    const removed = await call('GET', '/datacenters')
    expect(removed).toMatchObject({ status: 410, error: 'deprecated_api_endpoint' })
    expect(removed.json.error.details.announcement).toContain('https://docs.hetzner.cloud/changelog#')
  })

  test('a body that is no JSON', async () => {
    expect(await call('POST', '/servers', '{')).toMatchObject({ status: 400, error: 'json_error' })
    // The contract check rightly finds fault with the request that this test sends.
    expect(stand.problems.splice(0)).toEqual(['POST /servers 400: request is not JSON'])
  })

  test('orders that cannot be filled, naming the fields', async () => {
    const wrong: [change: Record<string, unknown>, field: string | null, code: string, status: number][] = [
      [{ name: 'no_underscores' }, 'name', 'invalid_input', 422],
      [{ server_type: 'cpx99' }, 'server_type', 'invalid_input', 422],
      [{ image: 'plan9' }, 'image', 'invalid_input', 422],
      [{ location: 'mars' }, 'location', 'invalid_input', 422],
      [{ ssh_keys: ['nobody'] }, 'ssh_keys', 'invalid_input', 422],
      [{ user_data: 'x'.repeat(32 * 1024 + 1) }, 'user_data', 'invalid_input', 422],
      [{ labels: { 'hetzner.cloud/mine': 'x' } }, 'labels', 'invalid_input', 422],
      [{ labels: { fine: 'not fine' } }, 'labels', 'invalid_input', 422],
      [{ firewalls: [{ firewall: 7 }] }, null, 'not_found', 404],
      [{ server_type: 'cx11' }, null, 'invalid_input', 422],
      [{ server_type: 'cpx11' }, null, 'invalid_input', 422],
      [{ server_type: 'cpx22', location: 'ash' }, null, 'invalid_input', 422],
      [{ server_type: 'cpx31', location: 'nbg1' }, null, 'resource_unavailable', 412],
    ]
    for (const [change, field, code, status] of wrong) {
      const answer = await call('POST', '/servers', order('web', change))
      expect([change, answer.status, answer.error]).toEqual([change, status, code])
      if (field) expect(answer.json.error.details.fields[0]!.name).toBe(field)
    }
    expect((await call('GET', '/servers')).json.servers).toEqual([])
  })

  test('names that are taken', async () => {
    await running('web')
    expect(await call('POST', '/servers', order('web'))).toMatchObject({
      status: 409,
      error: 'uniqueness_error',
    })
    await call('POST', '/firewalls', { name: 'wall' })
    expect((await call('POST', '/firewalls', { name: 'wall' })).error).toBe('uniqueness_error')
    const key = { name: 'again', public_key: SSH_KEY }
    expect((await call('POST', '/ssh_keys', key)).error).toBe('uniqueness_error')
    expect((await call('POST', '/ssh_keys', { ...key, public_key: 'ssh-ed25519 AAAA' })).error).toBe(
      'invalid_input',
    )
  })

  test('more servers than the project may have', async () => {
    await stand.stop()
    stand = new HetznerStand({ serverLimit: 1 })
    await running('one')
    const refused = await call('POST', '/servers', order('two'))
    expect(refused).toMatchObject({ status: 403, error: 'resource_limit_exceeded' })
    expect(refused.json.error.details.limits).toEqual([{ name: 'server_limit' }])
  })

  test('more requests than an hour holds, and takes one more each second', async () => {
    await stand.stop()
    stand = new HetznerStand({ requestsPerHour: 3 })
    const hour = 3_600_000
    const answers = [
      await call('GET', '/locations'),
      await call('GET', '/locations'),
      await call('GET', '/locations'),
    ]
    expect(answers.map((one) => one.headers.get('ratelimit-remaining'))).toEqual(['2', '1', '0'])
    const refused = await call('GET', '/locations')
    expect(refused).toMatchObject({ status: 429, error: 'rate_limit_exceeded' })
    expect(refused.headers.get('ratelimit-limit')).toBe('3')
    expect(Number(refused.headers.get('ratelimit-reset'))).toBe((stand.clock.now() + hour) / 1000)
    stand.clock.advance(hour / 3)
    expect((await call('GET', '/locations')).status).toBe(200)
    expect((await call('GET', '/locations')).status).toBe(429)
  })
})

describe('lists of the simulated Hetzner', () => {
  test('come in pages with links', async () => {
    for (let n = 0; n < 5; n++) await call('POST', '/servers', order(`s${n}`))
    const { json, headers } = await call('GET', '/servers?per_page=2&page=2&sort=name:desc')
    expect(json.servers.map((server) => server.name)).toEqual(['s2', 's1'])
    expect(json.meta.pagination).toEqual({
      page: 2,
      per_page: 2,
      previous_page: 1,
      next_page: 3,
      last_page: 3,
      total_entries: 5,
    })
    expect(headers.get('link')).toContain('page=3&sort=name%3Adesc>; rel="next"')
  })

  test('can be narrowed by name, status and labels', async () => {
    await running('old', { labels: { env: 'prod' } })
    await call('POST', '/servers', order('new', { labels: { env: 'test' } }))
    const names = async (query: string) =>
      (await call('GET', `/servers?${query}`)).json.servers.map((server) => server.name)
    expect(await names('name=new')).toEqual(['new'])
    expect(await names('status=running')).toEqual(['old'])
    expect(await names('status=running&status=initializing')).toEqual(['old', 'new'])
    expect(await names('label_selector=env%3D%3Dprod')).toEqual(['old'])
    expect((await call('GET', '/servers?label_selector=env%3D%3D%3D')).error).toBe('invalid_input')
  })

  test('label selectors mean what the document says', () => {
    const cases: [selector: string, labels: Record<string, string>, meets: boolean][] = [
      ['k==v', { k: 'v' }, true],
      ['k=v', { k: 'w' }, false],
      ['k!=v', {}, true],
      ['k', { k: '' }, true],
      ['!k', { k: '' }, false],
      ['k in (a,b)', { k: 'b' }, true],
      ['k notin (a,b)', { k: 'b' }, false],
      ['k in (a,b),!x', { k: 'a', x: '1' }, false],
      ['a=1,b!=2', { a: '1', b: '3' }, true],
    ]
    for (const [selector, labels, meets] of cases) {
      expect([selector, labelSelector(selector)?.(labels)]).toEqual([selector, meets])
    }
  })

  test('give every server addresses of its own', async () => {
    for (let n = 0; n < 300; n++) await call('POST', '/servers', order(`s${n}`))
    const seen = new Set<string>()
    for (let page = 1; page <= 12; page++) {
      const { json } = await call('GET', `/primary_ips?per_page=50&page=${page}`)
      for (const { ip } of json.primary_ips) seen.add(ip)
    }
    expect(seen.size).toBe(600)
    for (const ip of seen) expect(ip).toMatch(/^(198\.1[89]\.\d{1,3}\.\d{1,3}|2001:db8:[0-9a-f:]+::\/64)$/)
  })
})

describe('firewalls of the simulated Hetzner', () => {
  test('protect the servers that name them or meet their selector, and cannot be deleted meanwhile', async () => {
    const rules = [{ direction: 'in', protocol: 'tcp', port: '22', source_ips: ['0.0.0.0/0'] }]
    const selector = { type: 'label_selector', label_selector: { selector: 'role==web' } }
    const { json } = await call('POST', '/firewalls', { name: 'wall', rules, apply_to: [selector] })
    const wall = json.firewall.id
    const named = await running('named', { firewalls: [{ firewall: wall }] })
    const met = await running('met', { labels: { role: 'web' } })
    for (const server of [named, met]) {
      const { json: now } = await call('GET', `/servers/${server.id}`)
      expect(now.server.public_net.firewalls).toEqual([{ id: wall, status: 'applied' }])
    }
    expect(await call('DELETE', `/firewalls/${wall}`)).toMatchObject({
      status: 422,
      error: 'resource_in_use',
    })
    const changed = await call('POST', `/firewalls/${wall}/actions/set_rules`, { rules: [] })
    expect(changed.json.actions).toHaveLength(3)
    expect((await call('GET', `/firewalls/${wall}`)).json.firewall.rules).toEqual([])
    for (const server of [named, met]) await call('DELETE', `/servers/${server.id}`)
    stand.clock.advance(5_000)
    expect(await call('DELETE', `/firewalls/${wall}`)).toMatchObject({ status: 204 })
  })

  test('need the addresses and ports that their rules call for', async () => {
    const rule = { direction: 'in', protocol: 'tcp', port: '22', source_ips: ['0.0.0.0/0'] }
    for (const wrong of [
      { ...rule, source_ips: [] },
      { ...rule, port: undefined },
      { ...rule, protocol: 'icmp' },
      { ...rule, source_ips: ['everywhere'] },
    ]) {
      expect((await call('POST', '/firewalls', { name: 'wall', rules: [wrong] })).error).toBe('invalid_input')
    }
  })
})

test('a faster world does everything sooner, and takes more requests', async () => {
  await stand.stop()
  stand = new HetznerStand({ speed: 10, requestsPerHour: 60 })
  const { json } = await call('POST', '/servers', order('web'))
  stand.clock.advance(899)
  expect((await call('GET', `/servers/${json.server.id}`)).json.server).toMatchObject({ status: 'starting' })
  stand.clock.advance(1)
  const { headers, json: now } = await call('GET', `/servers/${json.server.id}`)
  expect(now.server).toMatchObject({ status: 'running' })
  expect(headers.get('ratelimit-remaining')).toBe('57')
  stand.clock.advance(6_000)
  expect((await call('GET', '/locations')).headers.get('ratelimit-remaining')).toBe('57')
})

test('a restart of the simulator carries on where it stopped', async () => {
  const file = join(tmpdir(), `hetzner-${process.pid}-${Bun.nanoseconds()}.sqlite`)
  await stand.stop()
  stand = new HetznerStand({ file })
  const { json } = await call('POST', '/servers', order('web'))
  await stand.stop()
  stand = new HetznerStand({ file })
  expect(stand.driver.calls).toEqual([])
  stand.clock.advance(10_000)
  expect(stand.driver.calls).toEqual([`create ${json.server.id}`])
  expect((await call('GET', `/servers/${json.server.id}`)).json.server).toMatchObject({ status: 'running' })
  rmSync(file, { force: true })
})
