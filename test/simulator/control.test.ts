import { afterEach, describe, expect, test } from 'bun:test'
import type { MachineView } from '../../src/simulator/control'
import type { Fault } from '../../src/simulator/faults'
import type { ServerRow } from '../../src/simulator/hetzner/project'
import { SimMachines } from '../../src/simulator/machines'
import { stage, stageWith, stopStages } from './control-stage'

const EVIL = '"><script>alert(1)</script>'
const JSON_WANTED = { accept: 'application/json' }

afterEach(stopStages)

describe('the overview', () => {
  test('shows addresses, servers, records, subscriptions, mails and webhooks', async () => {
    const { ask, world } = stage()
    const server: Partial<ServerRow> & { id: string } = {
      id: '7',
      name: 'acme',
      status: 'running',
      serverType: 'cx22',
      location: 'fsn1',
    }
    world.table('hetzner_server').put(server)
    world.table<{ id: string }>('hetzner_action').put({
      ...{
        id: '1',
        command: 'start_server',
        serverId: '7',
        beginsAt: world.now() - 1000,
        finishesAt: world.now() + 3000,
      },
    })
    const { status, body } = await ask('/')
    expect(status).toBe(200)
    for (const shown of [
      'http://127.0.0.1:3000',
      'acme',
      '198.18.0.1',
      'running v1',
      'No record yet',
      'Nobody has paid',
      'start server',
    ]) {
      expect(body).toContain(shown)
    }
    expect(body).toContain('<progress max="100" value="25">')
  })

  test('shows what is kept: objects and images', async () => {
    const { ask, world } = stage()
    expect((await ask('/')).body).toContain('No backup yet')
    const object = { id: 'a', key: 'tenants/ten_1/bak_1.age', sizeBytes: 17, body: 'c2VjcmV0' }
    world.table<{ id: string }>('s3_objects').put(object)
    const image = { id: '4', type: 'snapshot', description: 'Before it goes', labels: { tenant: 'ten_1' } }
    world.table<{ id: string }>('hetzner_snapshot').put(image)
    const { body } = await ask('/')
    for (const shown of ['tenants/ten_1/bak_1.age', '17 bytes', 'Before it goes'])
      expect(body).toContain(shown)
    const state = (await ask('/control/state.json')).body
    expect(JSON.parse(state)).toMatchObject({ objects: [{ sizeBytes: 17 }], images: [image] })
    expect(state).not.toContain('c2VjcmV0')
  })

  test('stays small when there are many, and says so; the JSON has all', async () => {
    const { ask, world } = stage()
    const server = { status: 'running', serverType: 'cx22', location: 'nbg1' }
    for (let id = 1001; id <= 1200; id++) {
      world.table('hetzner_server').put({ id: `${id}`, name: `s${id}`, ...server } as { id: string })
    }
    const { body } = await ask('/')
    expect(body).toContain('50 of 200 are shown')
    expect(body.match(/>s1\d{3}</g)).toHaveLength(50)
    expect(body).toContain('>s1200<')
    expect(JSON.parse((await ask('/control/state.json')).body).servers).toHaveLength(200)
  })

  test('allows no inline script or style', async () => {
    const { ask } = stage()
    for (const path of ['/', '/control/faults', '/control/calls']) {
      const { headers, body } = await ask(path)
      expect(headers.get('content-security-policy')).not.toContain('unsafe')
      expect(body).not.toMatch(/<style|style="|<script(?! src="\/control\/live\.js" defer>)| on\w+="/)
    }
  })

  test('is there as JSON, without the keys of the calls', async () => {
    const { ask, url } = stage()
    await fetch(`${url}/resend/emails`, {
      method: 'POST',
      headers: { authorization: 'Bearer re_test' },
      body: '{}',
    })
    const { body } = await ask('/control/state.json')
    const state = JSON.parse(body) as Record<string, unknown>
    expect(state).toMatchObject({
      speed: 1,
      mails: 0,
      servers: [],
      webhooks: { waiting: 0, disorder: false },
    })
    expect(state.calls).toMatchObject([{ provider: 'resend', verb: 'POST /emails', status: 422 }])
    expect(body).not.toContain('re_test')
  })

  test('serves its stylesheet, script and icon', async () => {
    const { ask } = stage()
    expect((await ask('/control/styles.css')).headers.get('content-type')).toContain('text/css')
    expect((await ask('/control/live.js')).body).toContain('data-live')
    expect((await ask('/control/icon.svg')).body).toContain('<svg')
    expect((await ask('/control/nope')).status).toBe(404)
    expect((await ask('/nope')).status).toBe(404)
  })
})

describe('faults', () => {
  const REFUSE = {
    provider: 'resend',
    verb: 'POST /emails',
    kind: 'refuse',
    times: '2',
    status: '500',
    code: 'oops',
  }

  test('are set by a form, strike, and are counted down', async () => {
    const { post, ask, front, url } = stage()
    const set = await post('/control/faults', { ...REFUSE, delay_ms: '' })
    expect(set.status).toBe(303)
    expect(set.headers.get('location')).toBe('/control/faults')
    const struck = await fetch(`${url}/resend/emails`, { method: 'POST', body: '{}' })
    expect(struck.status).toBe(500)
    expect(front.faults.list()).toMatchObject([{ provider: 'resend', times: 1 }])
    expect((await ask('/control/faults')).body).toContain('<code>POST /emails</code>')
  })

  test('are set and removed as JSON', async () => {
    const { ask, front } = stage()
    const headers = { ...JSON_WANTED, 'content-type': 'application/json' }
    const body = JSON.stringify({ provider: 'hetzner', verb: '*', kind: 'slow', times: 1, delay_ms: 250 })
    const set = await ask('/control/faults', { method: 'POST', headers, body })
    expect(set.status).toBe(201)
    const fault = JSON.parse(set.body) as Fault
    expect(fault).toMatchObject({ provider: 'hetzner', verb: '*', kind: 'slow', delayMs: 250 })
    expect(JSON.parse((await ask('/control/faults', { headers: JSON_WANTED })).body)).toHaveLength(1)
    expect(
      (await ask(`/control/faults/${fault.id}`, { method: 'DELETE', headers: JSON_WANTED })).status,
    ).toBe(200)
    expect(front.faults.list()).toEqual([])
    expect(
      (await ask(`/control/faults/${fault.id}`, { method: 'DELETE', headers: JSON_WANTED })).status,
    ).toBe(404)
  })

  test('are removed by a form', async () => {
    const { post, front } = stage()
    await post('/control/faults', REFUSE)
    const [fault] = front.faults.list()
    expect((await post(`/control/faults/${fault?.id}/removal`, {})).status).toBe(303)
    expect(front.faults.list()).toEqual([])
  })

  test('of a kind that can’t happen there are refused with the reason', async () => {
    const { post, front } = stage()
    const fields = { provider: 'machine', verb: 'start', kind: 'duplicate' }
    const { status, body } = await post('/control/faults', fields, JSON_WANTED)
    expect(status).toBe(422)
    expect(JSON.parse(body).error.fields).toEqual({
      kind: 'A connection to a machine carries nothing twice. Choose something else.',
    })
    expect((await post('/control/faults', { ...fields, provider: 'stripe' })).status).toBe(303)
    expect(front.faults.list()).toMatchObject([{ provider: 'stripe', kind: 'duplicate' }])
  })

  const wrong: [string, string][] = [
    ['provider', 'aws'],
    ['verb', ''],
    ['kind', 'explode'],
    ['times', '0'],
    ['times', 'many'],
    ['delay_ms', '-1'],
    ['status', '200'],
    ['code', EVIL],
  ]
  test.each(wrong)(
    'with a wrong %s (%p) are explained beside the field, and what was typed is kept',
    async (field, value) => {
      const { post, front } = stage()
      const fields = { ...REFUSE, delay_ms: '17', [field]: value }
      const page = await post('/control/faults', fields)
      expect(page.status).toBe(422)
      expect(page.body).toContain(`id="${field}-problem"`)
      expect(page.body).toContain(field === 'delay_ms' ? 'value="-1"' : 'value="17"')
      expect(page.body).not.toContain('<script>')
      const answer = await post('/control/faults', fields, JSON_WANTED)
      expect(answer.status).toBe(422)
      expect(JSON.parse(answer.body)).toMatchObject({
        error: { code: 'invalid', fields: { [field]: expect.any(String) } },
      })
      expect(front.faults.list()).toEqual([])
    },
  )
})

describe('machines', () => {
  test('are killed, paused and resumed', async () => {
    const { post, list } = stage()
    expect((await post('/control/machines/7/pause', {})).status).toBe(303)
    expect(list[0]?.state).toBe('paused')
    const resumed = await post('/control/machines/7/resume', {}, JSON_WANTED)
    expect(JSON.parse(resumed.body)).toMatchObject({ serverId: '7', state: 'running' })
    await post('/control/machines/7/kill', {})
    expect(list[0]?.state).toBe('off')
  })

  test('have their app taken down, up and emptied, with a button for what is possible now', async () => {
    const { post, list, world, ask } = stage()
    const server = { id: '7', name: 'acme', status: 'running', serverType: 'cx22', location: 'fsn1' }
    world.table<{ id: string }>('hetzner_server').put(server)
    const buttons = async () =>
      [...(await ask('/')).body.matchAll(/aria-label="([^"]+): acme"/g)].map(([, label]) => label)
    expect(await buttons()).toEqual([
      ...['Pause', 'Kill', 'Fill the disk', 'Another host key'],
      ...['Stop app', 'Lose its data'],
    ])
    expect((await post('/control/machines/7/disk-full', {})).status).toBe(303)
    expect(list[0]?.isFull).toBe(true)
    expect((await post('/control/machines/7/data-loss', {})).status).toBe(303)
    expect(list[0]?.app.state).toBe('empty')
    expect((await post('/control/machines/7/app-stop', {})).status).toBe(303)
    expect(await buttons()).toEqual(['Pause', 'Kill', 'Make room', 'Another host key', 'Start app'])
    await post('/control/machines/7/app-start', {})
    expect(list[0]?.app.state).toBe('running')
  })

  test('find what is published in the registry', async () => {
    const { post, ask, registry } = stage()
    const asked = { image: 'acme/app:v43', behaviour: 'broken', migration: 'expand' }
    expect((await post('/control/images', asked)).headers.get('location')).toBe('/#images')
    expect(registry.list()).toMatchObject([{ image: 'acme/app:v43', behaviour: 'broken' }])
    expect((await ask('/')).body).toContain('acme/app:v43')
    for (const image of ['acme/app', 'Acme/app:v1', ':v1', 'a b:v1', '']) {
      expect((await post('/control/images', { image })).status).toBe(422)
    }
    expect((await post('/control/images', { ...asked, behaviour: 'evil' })).status).toBe(422)
    expect(registry.list()).toHaveLength(1)
  })

  test('are the simulated ones', async () => {
    const { post, machines } = stageWith(
      (world, faults) => new SimMachines(world, { faults, resolve: () => undefined }),
    )
    const spec = { serverId: '9', name: 'grace', ipv4: '198.18.0.9', image: 'debian-13', sshKeys: [] }
    machines.create({ ...spec, userData: '#cloud-config\n{}\n' })
    const move = async (verb: string) => {
      const answer = await post(`/control/machines/9/${verb}`, {}, JSON_WANTED)
      return (JSON.parse(answer.body) as MachineView).state
    }
    expect(await move('pause')).toBe('paused')
    expect(await move('resume')).toBe('booting')
    expect(await move('kill')).toBe('off')
  })

  test('that do not exist are not found; other verbs neither', async () => {
    const { post } = stage()
    expect((await post('/control/machines/8/kill', {})).status).toBe(404)
    expect((await post('/control/machines/7/constructor', {})).status).toBe(404)
  })
})

describe('drift', () => {
  const ORDER = { name: 'acme-1', server_type: 'cx23', image: 'debian-13', location: 'fsn1' }

  test('is made of what looks like Atlas’s: a server, a name, an address and an image', async () => {
    const { post, hetzner, route53, world, clock } = stage()
    const labels = { atlas: 'ins_1', tenant: 'ten_1' }
    const { ipv4 } = hetzner.seed({ ...ORDER, labels }, clock.now() - 7_200_000)
    for (const stray of ['server', 'record', 'address', 'image'])
      expect((await post('/control/drift', { stray })).status).toBe(303)
    const servers = world.table<ServerRow>('hetzner_server').all()
    expect(servers.map((server) => server.labels)).toEqual([labels, { atlas: 'ins_1' }])
    expect(servers[1]?.createdAt).toBe(clock.now() - 3_600_000)
    const records = route53.recordSets().filter(({ type }) => type === 'A')
    expect(records).toMatchObject([{ name: 'stray-2.tenants.example.', values: [ipv4] }])
    const lost = world.table<{ id: string; serverId: string | null }>('hetzner_primary_ip').all()
    expect(lost.filter(({ serverId }) => serverId === null)).toMatchObject([{ labels: { atlas: 'ins_1' } }])
    expect(world.table('hetzner_snapshot').all()).toMatchObject([{ labels, description: 'stray-4' }])
  })

  test('begins when there is a server to take the labels from', async () => {
    const { post } = stage()
    expect((await post('/control/drift', { stray: 'server' })).status).toBe(409)
    expect((await post('/control/drift', { stray: 'constructor' })).status).toBe(422)
  })

  test('a server is deleted behind Atlas’s back, with its addresses, once', async () => {
    const { post, hetzner, world, clock, ask } = stage()
    const { id } = hetzner.seed(ORDER, clock.now())
    expect((await ask('/')).body).toContain('Delete: acme-1, behind Atlas’s back')
    expect((await post(`/control/servers/${id}/loss`, {})).status).toBe(303)
    expect([world.table('hetzner_server').size, world.table('hetzner_primary_ip').size]).toEqual([0, 0])
    expect((await post(`/control/servers/${id}/loss`, {})).status).toBe(404)
  })
})

describe('the clock and the webhooks', () => {
  test('the time moves forward', async () => {
    const { post, clock } = stage()
    const before = clock.now()
    expect((await post('/control/clock', { advance_ms: '3600000' })).status).toBe(303)
    expect(clock.now()).toBe(before + 3_600_000)
  })

  test.each(['-1', '0', '', '1.5', 'x', '99999999999999'])(
    'the time does not move by %p',
    async (advance_ms) => {
      const { post, clock } = stage()
      const before = clock.now()
      expect((await post('/control/clock', { advance_ms })).status).toBe(422)
      expect(clock.now()).toBe(before)
    },
  )

  test('webhooks are shuffled and put in order again', async () => {
    const { post, ask } = stage()
    await post('/control/webhooks', { disorder: 'on' })
    expect((await ask('/')).body).toContain('out of order')
    await post('/control/webhooks', { disorder: 'off' })
    expect((await ask('/')).body).toContain('They arrive in order')
    expect((await post('/control/webhooks', { disorder: 'maybe' })).status).toBe(422)
  })
})

describe('the calls', () => {
  test('are shown newest first, escaped, with what was said', async () => {
    const { ask, url } = stage()
    await fetch(`${url}/resend/emails`, { method: 'POST', body: EVIL })
    await fetch(`${url}/route53/2013-04-01/hostedzone/Z1`)
    const { body } = await ask('/control/calls')
    expect(body.indexOf('GetHostedZone')).toBeLessThan(body.indexOf('POST /emails'))
    expect(body).toContain('&lt;script&gt;')
    expect(body).not.toContain('<script>alert')
  })

  test('whose reply was lost say so', async () => {
    const { ask, front } = stage()
    front.faults.add({ provider: 'route53', verb: '*', kind: 'lose_reply', times: 1 })
    await front.answer(new Request('http://127.0.0.1/route53/2013-04-01/hostedzone/Z1'))
    expect((await ask('/control/calls')).body).toContain('>lost<')
  })
})

describe('strangers', () => {
  const strange: [string, string][] = [
    ['sec-fetch-site', 'cross-site'],
    ['sec-fetch-site', 'same-site'],
    ['origin', 'https://evil.example'],
    ['origin', 'null'],
  ]
  test.each(strange)('a write with %s: %s is refused', async (name, value) => {
    const { post, front } = stage()
    const fields = { provider: 'resend', verb: '*', kind: 'refuse' }
    expect((await post('/control/faults', fields, { [name]: value })).status).toBe(403)
    expect(front.faults.list()).toEqual([])
  })

  test('a name that only resolves to this machine is refused', async () => {
    const { ask } = stage()
    expect((await ask('/control/state.json', { headers: { host: 'evil.example' } })).status).toBe(421)
  })

  test('our own pages may write', async () => {
    const { post, url } = stage()
    const headers = { origin: url, 'sec-fetch-site': 'same-origin' }
    expect((await post('/control/webhooks', { disorder: 'on' }, headers)).status).toBe(303)
  })
})

describe('a subscription', () => {
  const sell = ({ stripe, clock }: ReturnType<typeof stage>) =>
    stripe.seed({
      at: clock.now() - 86_400_000,
      priceId: 'price_1',
      payer: { email: 'ada@example.com', name: 'Ada' },
      clientReferenceId: 'sig_1',
      metadata: {},
      successUrl: 'http://127.0.0.1/',
    }).subscription.id

  test('can be let fall behind, be paid, renewed and canceled', async () => {
    const open = stage()
    const id = sell(open)
    const move = async (verb: string) => {
      const { body } = await open.post(`/control/subscriptions/${id}/${verb}`, {}, JSON_WANTED)
      return (JSON.parse(body) as { status: string }).status
    }
    expect(await move('renewal')).toBe('active')
    expect(await move('decline')).toBe('active')
    expect((await open.ask('/')).body).toContain('card declines')
    expect(await move('renewal')).toBe('past_due')
    expect(await move('payment')).toBe('active')
    expect(await move('cancellation')).toBe('canceled')
    expect((await open.ask('/')).body).not.toContain(`/control/subscriptions/${id}/`)
  })

  test('that has ended, or is not there, and a verb that is not there, are not found', async () => {
    const open = stage()
    const id = sell(open)
    await open.post(`/control/subscriptions/${id}/cancellation`, {})
    for (const path of [`${id}/renewal`, 'sub_none/payment', `${id}/toString`]) {
      expect((await open.post(`/control/subscriptions/${path}`, {})).status).toBe(404)
    }
  })
})
