import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import type { AtlasError } from '../../src/errors'
import type { Cloud } from '../../src/providers/cloud'
import { createHetzner } from '../../src/providers/hetzner'
import { type HetznerStand, TOKEN } from '../simulator/hetzner-stand'
import { FIREWALL as firewall, HetznerProject, LABELS as labels, refused } from './hetzner/project'

let project: HetznerProject
let stand: HetznerStand
let cloud: Cloud

beforeEach(() => open())

afterEach(() => stand.stop())

function open(options?: ConstructorParameters<typeof HetznerProject>[0]) {
  project = new HetznerProject(options)
  ;({ stand, cloud } = project)
}

const spec: HetznerProject['spec'] = (change) => project.spec(change)
const inject: HetznerProject['inject'] = (...fault) => project.inject(...fault)

describe('a server', () => {
  test('is created with key, firewall, labels and user-data, and runs when its actions have ended', async () => {
    const wanted = await spec()
    const { server, actionIds, created } = await cloud.ensureServer(wanted)
    expect(created).toBe(true)
    expect(server).toMatchObject({ name: 'atlas-alice', status: 'initializing', serverType: 'cpx21', labels })
    expect(server.ipv4).toMatch(/^198\.1[89]\.\d+\.\d+$/)
    expect(server.ipv6).toMatch(/^2001:db8:.*::1$/)
    expect(server.createdAt).toBe(stand.clock.now())

    const sent = JSON.parse(stand.exchanges.at(-1)!.requestBody)
    expect(sent).toMatchObject({
      start_after_create: true,
      ssh_keys: wanted.sshKeyIds,
      firewalls: [{ firewall: Number(wanted.firewallId) }],
      user_data: '#cloud-config\n',
      public_net: { enable_ipv4: true, enable_ipv6: true },
    })

    stand.clock.advance(3_500)
    const [create, start] = await cloud.getActions(actionIds)
    expect(create).toEqual({
      id: actionIds[0]!,
      command: 'create_server',
      status: 'running',
      progress: 50,
      error: null,
    })
    expect(start).toMatchObject({ command: 'start_server', status: 'running', progress: 0 })

    stand.clock.advance(5_500)
    const ended = await cloud.getActions(actionIds)
    expect(ended.map((action) => action.status)).toEqual(['success', 'success'])
    expect(await cloud.getServer(server.id)).toMatchObject({ status: 'running' })
  })

  test('is found by its name instead of being made twice, with the actions that still run', async () => {
    const wanted = await spec()
    const first = await cloud.ensureServer(wanted)
    const second = await cloud.ensureServer(wanted)
    expect(second).toEqual({ server: first.server, actionIds: first.actionIds, created: false })
    stand.clock.advance(10_000)
    const third = await cloud.ensureServer(wanted)
    expect(third).toMatchObject({
      server: { id: first.server.id, status: 'running' },
      actionIds: [],
      created: false,
    })
    expect(stand.verbs.filter((verb) => verb === 'POST /servers')).toHaveLength(1)
  })

  test('of that name with other labels is a conflict', async () => {
    const wanted = await spec()
    await cloud.ensureServer({ ...wanted, labels: { 'atlas-install': 'ins_other' } })
    expect(await refused(cloud.ensureServer(wanted))).toMatchObject({ code: 'conflict' })
  })

  test('is adopted when its creation was done but the reply got lost', async () => {
    const wanted = await spec()
    inject('POST /servers', 'lose_reply')
    expect(await refused(cloud.ensureServer(wanted))).toMatchObject({
      code: 'unavailable',
      outcome: 'unknown',
    })
    expect(await cloud.ensureServer(wanted)).toMatchObject({ created: false })
    expect(await cloud.listServers(labels)).toHaveLength(1)
  })

  test('that another process made between look and create is looked up again', async () => {
    const wanted = await spec()
    const rival = project.client()
    const both = await Promise.all([cloud.ensureServer(wanted), rival.ensureServer(wanted)])
    expect(both[0].server.id).toBe(both[1].server.id)
    expect(both.map((one) => one.created).sort()).toEqual([false, true])
  })

  test('whose name is taken but not listed yet is worth another try', async () => {
    const wanted = await spec()
    inject('POST /servers', 'refuse', { code: 'uniqueness_error' })
    const error = await refused(cloud.ensureServer(wanted))
    expect(error).toMatchObject({ code: 'unavailable', vendorCode: 'uniqueness_error', outcome: 'refused' })
  })

  test('that is still being deleted is not adopted', async () => {
    const wanted = await spec()
    const { server } = await cloud.ensureServer(wanted)
    stand.clock.advance(10_000)
    await cloud.deleteServer(server.id)
    expect(await refused(cloud.ensureServer(wanted))).toMatchObject({
      code: 'unavailable',
      outcome: 'refused',
    })
    stand.clock.advance(5_000)
    expect(await cloud.ensureServer(wanted)).toMatchObject({ created: true })
  })

  test('is gone after its deletion, and deleting it again is harmless', async () => {
    const { server } = await cloud.ensureServer(await spec())
    stand.clock.advance(10_000)
    const deleted = await cloud.deleteServer(server.id)
    expect(await cloud.getActions([deleted!.actionId!])).toMatchObject([{ command: 'delete_server' }])
    stand.clock.advance(5_000)
    expect(await cloud.getServer(server.id)).toBeNull()
    expect(await cloud.deleteServer(server.id)).toBeNull()
  })

  test('that is being deleted already is told by the deletion that runs', async () => {
    const { server } = await cloud.ensureServer(await spec())
    expect(await refused(cloud.deleteServer(server.id))).toMatchObject({ vendorCode: 'locked' })
    stand.clock.advance(10_000)
    const first = await cloud.deleteServer(server.id)
    expect(await cloud.deleteServer(server.id)).toEqual(first)
  })

  test('whose action fails tells why', async () => {
    stand.twin.failNextAction('start_server', { code: 'action_failed', message: 'Action failed' })
    const { actionIds } = await cloud.ensureServer(await spec())
    stand.clock.advance(10_000)
    const [, start] = await cloud.getActions(actionIds)
    expect(start).toMatchObject({
      status: 'error',
      error: { code: 'action_failed', message: 'Action failed' },
    })
  })
})

describe('lists', () => {
  test('are read page by page', async () => {
    const wanted = await spec()
    for (let n = 0; n < 60; n++) await cloud.ensureServer({ ...wanted, name: `atlas-${n}` })
    await cloud.ensureServer({ ...wanted, name: 'stranger', labels: { other: 'yes' } })
    const listed = await cloud.listServers(labels)
    expect(new Set(listed.map((server) => server.name)).size).toBe(60)
    expect(stand.verbs.slice(-2)).toEqual(['GET /servers', 'GET /servers'])
    expect(await cloud.listServers({})).toHaveLength(61)
  })

  test('of server types hold only what can be ordered, with its price in cents', async () => {
    const types = await cloud.listServerTypes()
    expect(types.find((type) => type.name === 'cx11')).toBeUndefined()
    const cpx21 = types.find((type) => type.name === 'cpx21')
    expect(cpx21).toMatchObject({ cores: 3, memoryGb: 4, diskGb: 80, cpuType: 'shared', architecture: 'x86' })
    expect(cpx21?.monthlyCents).toMatchObject({ fsn1: 755 })
    expect(types.find((type) => type.name === 'ccx13')).toMatchObject({
      cores: 2,
      memoryGb: 8,
      cpuType: 'dedicated',
    })
    expect(types.find((type) => type.name === 'cpx11')?.locations).toEqual(['ash', 'hil'])
    expect(types.find((type) => type.name === 'cpx31')?.locations).not.toContain('nbg1')
  })

  test('of images leave out what is deprecated; locations have their city', async () => {
    const images = await cloud.listImages()
    expect(images).toContainEqual({ name: 'debian-13', architecture: 'x86' })
    expect(images.map((image) => image.name)).not.toContain('debian-11')
    expect(await cloud.listLocations()).toContainEqual({ name: 'fsn1', city: 'Falkenstein', country: 'DE' })
  })
})

describe('keys and firewalls', () => {
  test('an SSH key is found by name and by id', async () => {
    const key = await cloud.getSshKey('atlas')
    expect(key?.fingerprint).toMatch(/^([0-9a-f]{2}:){15}[0-9a-f]{2}$/)
    expect(await cloud.getSshKey(key!.id)).toEqual(key)
    expect(await cloud.getSshKey('nobody')).toBeNull()
    expect(await cloud.getSshKey('999')).toBeNull()
  })

  test('a firewall is made once, and one without our labels is a conflict', async () => {
    expect(await cloud.ensureFirewall(firewall)).toEqual(await cloud.ensureFirewall(firewall))
    const foreign = { ...firewall, labels: { 'atlas-install': 'ins_other' } }
    expect(await refused(cloud.ensureFirewall(foreign))).toMatchObject({ code: 'conflict' })
  })
})

describe('actions', () => {
  test('that are asked for at the same time share one request', async () => {
    const wanted = await spec()
    const ids: string[] = []
    for (let n = 0; n < 5; n++)
      ids.push(...(await cloud.ensureServer({ ...wanted, name: `s${n}` })).actionIds)
    const before = stand.exchanges.length
    const answers = await Promise.all(ids.map((id) => cloud.getActions([id])))
    expect(answers.map(([action]) => action?.id)).toEqual(ids)
    expect(stand.exchanges.length - before).toBe(1)
    expect(stand.exchanges.at(-1)?.path).toBe(`/actions?${ids.map((id) => `id=${id}`).join('&')}`)
  })

  test('more than a page of them take several requests, and forgotten ones are left out', async () => {
    const wanted = await spec()
    const ids: string[] = []
    for (let n = 0; n < 14; n++)
      ids.push(...(await cloud.ensureServer({ ...wanted, name: `s${n}` })).actionIds)
    const actions = await cloud.getActions([...ids, '7'])
    expect(actions.map((action) => action.id)).toEqual(ids)
    expect(stand.verbs.slice(-2)).toEqual(['GET /actions', 'GET /actions'])
    expect(await cloud.getActions([])).toEqual([])
  })

  test('a failed poll fails everyone who shared it, with its reason', async () => {
    inject('GET /actions', 'refuse', { code: 'maintenance' })
    const both = await Promise.all([refused(cloud.getActions(['1'])), refused(cloud.getActions(['2']))])
    expect(both.map((error) => error.vendorCode)).toEqual(['maintenance', 'maintenance'])
  })
})

describe('refusals', () => {
  const meanings: [vendorCode: string, code: string, outcome: string | undefined][] = [
    ['rate_limit_exceeded', 'unavailable', 'refused'],
    ['locked', 'unavailable', 'refused'],
    ['conflict', 'unavailable', 'refused'],
    ['maintenance', 'unavailable', 'refused'],
    ['unavailable', 'unavailable', 'refused'],
    ['placement_error', 'unavailable', 'refused'],
    ['server_error', 'unavailable', 'unknown'],
    ['timeout', 'unavailable', 'unknown'],
    ['resource_limit_exceeded', 'conflict', undefined],
    ['resource_unavailable', 'conflict', undefined],
    ['invalid_input', 'invalid', undefined],
    ['json_error', 'internal', undefined],
    ['deprecated_api_endpoint', 'internal', undefined],
    ['unauthorized', 'unauthorized', undefined],
    ['token_readonly', 'forbidden', undefined],
    ['forbidden', 'forbidden', undefined],
  ]
  for (const [vendorCode, code, outcome] of meanings) {
    test(`${vendorCode} becomes ${code}${outcome ? `, ${outcome}` : ''}`, async () => {
      const wanted = await spec()
      inject('POST /servers', 'refuse', { code: vendorCode })
      const error = await refused(cloud.ensureServer(wanted))
      expect({ code: error.code, outcome: error.outcome, vendorCode: error.vendorCode }).toEqual({
        code: code as AtlasError['code'],
        outcome: outcome as AtlasError['outcome'],
        vendorCode,
      })
    })
  }

  test('a full project tells the operator what to do', async () => {
    await stand.stop()
    open({ serverLimit: 0 })
    const error = await refused(cloud.ensureServer(await spec()))
    expect(error).toMatchObject({ code: 'conflict', vendorCode: 'resource_limit_exceeded' })
    expect(error.message).toContain('Ask for a higher one')
  })

  test('of a value name the field and repeat nothing of what was sent', async () => {
    const error = await refused(cloud.ensureServer(await spec({ image: 'debian-99-secret' })))
    expect(error).toMatchObject({ code: 'invalid', fields: { image: 'not accepted by Hetzner' } })
    expect(JSON.stringify(error) + error.message).not.toContain('secret')
    const elsewhere = await refused(cloud.ensureServer(await spec({ serverType: 'cpx22', location: 'ash' })))
    expect(elsewhere).toMatchObject({ code: 'invalid', fields: { location: 'not sold here' } })
  })

  test('of the token never show it', async () => {
    const stranger = createHetzner({ token: 'another-secret', apiUrl: stand.apiUrl, clock: stand.clock })
    const error = await refused(stranger.listLocations())
    expect(error).toMatchObject({ code: 'unauthorized', vendorCode: 'unauthorized' })
    expect(Bun.inspect(error)).not.toContain('another-secret')
  })

  test('a 404 that Hetzner did not write does not make a server look gone', async () => {
    const proxy = createHetzner({
      token: TOKEN,
      clock: stand.clock,
      fetch: async () => new Response('<h1>Not found</h1>', { status: 404 }),
    })
    expect(await refused(proxy.getServer('1'))).toMatchObject({ code: 'internal', vendorCode: 'http_404' })
  })

  test('a redirect is not followed, so the token stays where it belongs', async () => {
    const asked: string[] = []
    const elsewhere = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: (request) => {
        asked.push(request.url)
        return Response.redirect(`${stand.apiUrl}/locations`, 307)
      },
    })
    const moved = createHetzner({
      token: TOKEN,
      apiUrl: `http://127.0.0.1:${elsewhere.port}`,
      clock: stand.clock,
    })
    expect(await refused(moved.listLocations())).toMatchObject({ code: 'internal' })
    expect(asked).toHaveLength(1)
    expect(stand.exchanges).toHaveLength(0)
    await elsewhere.stop(true)
  })
})

describe('a broken line', () => {
  test('refused connections surely did nothing', async () => {
    const nobody = createHetzner({ token: TOKEN, apiUrl: 'http://127.0.0.1:1', clock: stand.clock })
    expect(await refused(nobody.listLocations())).toMatchObject({ code: 'unavailable', outcome: 'refused' })
  })

  test('no answer in time leaves the outcome unknown', async () => {
    inject('GET /locations', 'timeout')
    const waiting = refused(cloud.listLocations())
    while (!stand.front.faults.list().every((fault) => fault.verb !== 'GET /locations')) await Bun.sleep(1)
    stand.clock.advance(30_000)
    const error = await waiting
    expect(error).toMatchObject({ code: 'unavailable', outcome: 'unknown' })
    expect(error.message).toContain('in time')
  })

  test('an answer of another shape says where', async () => {
    const odd = createHetzner({
      token: TOKEN,
      clock: stand.clock,
      fetch: async () => Response.json({ locations: [{ name: 1 }] }),
    })
    const error = await refused(odd.listLocations())
    expect(error.code).toBe('internal')
    expect(error.message).toContain('locations.0.name')
  })
})
