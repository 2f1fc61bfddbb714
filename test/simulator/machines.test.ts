import { afterEach, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fillUserData } from '../../src/catalog/user-data'
import { generateHostKey } from '../../src/providers/ssh/keys'
import { atlasKey, bringUp, COMPOSE, openPark, type Park, type ParkOptions, thrownBy } from './machine-park'

let park: Park
const open = async (options?: ParkOptions) => {
  park = await openPark(options)
  return park
}
afterEach(() => park.close())

describe('a machine boots', () => {
  test('it refuses SSH before sshd is up, then shows the host key of its user-data', async () => {
    const { create, run, booted } = await open({ speed: 200 })
    const target = create()
    expect(await thrownBy(run(target, 'status'))).toMatchObject({ code: 'unavailable', outcome: 'refused' })
    await booted(target)
    const { result, hostKey } = await run(target, 'status')
    expect(hostKey).toBe(target.hostKey.publicKey)
    expect(result).toEqual({
      agent_version: new Bun.CryptoHasher('sha256').update('#!/bin/sh\n').digest('hex').slice(0, 12),
      ready: true,
      app: { state: 'absent', release: null, digest: null },
      host_key: target.hostKey.publicKey,
    })
  })

  test('between sshd and the end of cloud-init the agent says that it is not ready', async () => {
    const { create, run, clock } = await open({ speed: 2 })
    const target = create()
    clock.advance(10_000)
    expect((await run(target, 'status')).result.ready).toBe(false)
    expect(await thrownBy(run(target, 'settings', { compose: COMPOSE, env: {} }))).toMatchObject({
      code: 'unavailable',
      message: 'The server is still being set up.',
    })
    clock.advance(10_000)
    expect((await run(target, 'status')).result.ready).toBe(true)
  })

  test('user-data without the marker never becomes ready', async () => {
    const { create, run, booted } = await open()
    const target = create(1, { change: { runcmd: ['true'] } })
    await booted(target)
    expect((await run(target, 'status')).result.ready).toBe(false)
  })

  test('malformed user-data boots a machine that lets nobody in', async () => {
    const { create, run, booted, sim, machines } = await open()
    const target = create(1, { text: '#cloud-config\nusers: [unclosed' })
    await booted(target)
    expect(sim.list()[0]?.state).toBe('running')
    // It has made a host key of its own, which nobody can have pinned.
    expect(await thrownBy(run(target, 'status'))).toMatchObject({ vendorCode: 'host_key_mismatch' })
    machines.close()
  })

  test('a key without the agent behind it runs nothing', async () => {
    const { create, run, booted } = await open()
    const bare = create(1, { options: '' })
    const noAgent = create(2, { change: { write_files: [] } })
    for (const target of [bare, noAgent]) {
      await booted(target)
      expect(await thrownBy(run(target, 'status'))).toMatchObject({
        code: 'unavailable',
        vendorCode: 'exit_127',
      })
    }
  })

  test('another key than the one in the user-data is refused', async () => {
    const { create, run, booted, events } = await open()
    const target = create(1, { publicKey: generateHostKey().publicKey })
    await booted(target)
    expect(await thrownBy(run(target, 'status'))).toMatchObject({ code: 'unauthorized' })
    expect(events.map((event) => `${event.kind} ${event.detail}`.trim())).toEqual([
      'connection',
      'authentication refused',
    ])
  })
})

test('the user-data, agent and compose file of a blueprint lead to a running app', async () => {
  const { create, get, run, booted } = await open()
  const [template, agent, compose] = await Promise.all(
    ['virtues/user-data.yaml', 'agent.sh', 'virtues/compose.yaml'].map((path) =>
      Bun.file(`cloud-init/${path}`).text(),
    ),
  )
  const hostKey = generateHostKey()
  const text = fillUserData(template ?? '', {
    hostKey,
    atlasPublicKey: atlasKey.publicKey,
    agent: agent ?? '',
    hostname: 't1.localhost',
  })
  const target = create(1, { hostKey, text })
  await booted(target)
  expect((await run(target, 'status')).result.ready).toBe(true)
  const names = [...(compose ?? '').matchAll(/\$\{([A-Z0-9_]+):\?\}/g)].map(([, name]) => name ?? '')
  const env = Object.fromEntries(names.filter((name) => name !== 'RELEASE').map((name) => [name, 'x']))
  await run(target, 'settings', { compose, env }, 'settings-1')
  await run(target, 'start', { release: 'v42' }, 'start-1')
  expect(await get(1)).toMatchObject({ ok: true, status: 200 })
})

describe('the host key is rotated', () => {
  test('prepare is repeatable, activate holds from the next connection on, and both survive a lost reply', async () => {
    const { create, run, booted, faults, machines } = await open()
    const target = create()
    await booted(target)
    const first = (await run(target, 'host-key', { action: 'prepare' }, 'prepare-1')).result.public_key
    expect((await run(target, 'host-key', { action: 'prepare' }, 'prepare-2')).result.public_key).toBe(first)
    const next = String(first)
    const both = { ...target, hostKeys: [...target.hostKeys, next] }

    faults.add({ provider: 'machine', verb: 'host-key', kind: 'lose_reply', times: 1 })
    const activate = { action: 'activate', public_key: next }
    expect(await thrownBy(run(both, 'host-key', activate, 'activate-1'))).toMatchObject({
      code: 'unavailable',
      outcome: 'unknown',
    })
    const again = await run(both, 'host-key', activate, 'activate-1')
    expect(again).toEqual({ result: { public_key: next }, hostKey: next })
    expect((await run(both, 'host-key', activate, 'activate-2')).result).toEqual({ public_key: next })
    expect((await run({ ...target, hostKeys: [next] }, 'status')).result.host_key).toBe(next)
    machines.close()
    expect(await thrownBy(run(target, 'status'))).toMatchObject({ vendorCode: 'host_key_mismatch' })
  })

  test('a key that was not prepared is refused', async () => {
    const { create, run, booted } = await open()
    const target = create()
    await booted(target)
    const activate = { action: 'activate', public_key: generateHostKey().publicKey }
    expect(await thrownBy(run(target, 'host-key', activate))).toMatchObject({ code: 'conflict' })
  })
})

describe('the app', () => {
  test('starts with its log streamed, and answers by name with its release', async () => {
    const { create, get } = await open({ speed: 100 })
    const target = create()
    const logs: string[] = []
    const { result } = await bringUp(park, target, logs)
    expect(result).toEqual({ release: 'v42', digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) })
    expect(logs[0]).toBe('Pulling release v42')
    expect(logs.at(-1)).toBe(' Container app-database-1  Healthy')
    const health = await get(1)
    expect(health).toMatchObject({ ok: true, status: 200 })
    expect(JSON.parse(health.ok ? health.body : '')).toEqual({
      status: 'ok',
      release: 'v42',
      digest: result.digest,
    })
    const page = await get(1, '/')
    expect(page.ok && page.body).toContain('<dd>v42</dd>')
    expect(page.ok && page.body).toContain('<dd>pro</dd>')
  })

  test('refuses connections before it runs and after it was stopped', async () => {
    const { create, get, run, booted } = await open()
    const target = create()
    await booted(target)
    const refused = { ok: false, reason: expect.stringContaining('refused') }
    expect(await get(1)).toMatchObject(refused)
    await bringUp(park, target)
    expect(await get(1)).toMatchObject({ ok: true })
    await run(target, 'stop', {}, 'stop-1')
    expect(await get(1)).toMatchObject(refused)
    expect((await run(target, 'status')).result.app).toMatchObject({ state: 'stopped', release: 'v42' })
  })

  test('answers 421 for a name that is not its own', async () => {
    const { create, names, probe } = await open()
    const target = create()
    names.set('other.localhost', '198.18.0.9')
    await bringUp(park, target)
    const answer = await probe.get({
      url: 'http://other.localhost/',
      address: target.address,
      timeoutMs: 2_000,
    })
    expect(answer).toMatchObject({ ok: true, status: 421 })
  })

  test('serves the names of its Caddyfile only, when it has one', async () => {
    const { create, names, probe } = await open()
    const agent = { path: '/usr/local/lib/atlas/agent', content: '#!/bin/sh' }
    const caddy = {
      path: '/etc/caddy/Caddyfile',
      content: 'alice.localhost {\n  reverse_proxy 127.0.0.1:8080\n}\n',
    }
    const target = create(1, { change: { write_files: [agent, caddy] } })
    await bringUp(park, target)
    const ask = (name: string) =>
      probe.get({ url: `http://${name}/`, address: target.address, timeoutMs: 2_000 })
    expect(await ask('alice.localhost')).toMatchObject({ status: 200 })
    names.set('stranger.localhost', target.address)
    expect(await ask('stranger.localhost')).toMatchObject({ status: 421 })
  })

  test('does not start without settings, nor with a variable missing', async () => {
    const { create, run, booted } = await open()
    const target = create()
    await booted(target)
    const start = (id: string) => thrownBy(run(target, 'start', { release: 'v42' }, id))
    expect(await start('start-1')).toMatchObject({ code: 'conflict' })
    await run(target, 'settings', { compose: COMPOSE, env: {} }, 'settings-1')
    expect(await start('start-2')).toMatchObject({
      code: 'unavailable',
      message: 'The app could not be started.',
    })
    const { result } = await run(target, 'logs', { lines: 1 })
    expect(result.lines).toEqual(['required variable REPO is missing a value'])
  })

  test('values of its settings appear in no page, log or stored row', async () => {
    const { create, get, run, world } = await open()
    const target = create()
    const canary = 'canary-7f3a9b'
    await park.booted(target)
    const env = { REPO: 'acme/app', SESSION_SECRET: canary }
    const { result } = await run(target, 'settings', { compose: COMPOSE, env }, 'settings-1')
    expect(result.sha256).toBe(
      new Bun.CryptoHasher('sha256')
        .update(`${COMPOSE}REPO=acme/app\nSESSION_SECRET=${canary}\n`)
        .digest('hex'),
    )
    await run(target, 'start', { release: 'v42' }, 'start-1')
    const seen = [await get(1, '/'), await get(1), (await run(target, 'logs', { lines: 100 })).result]
    expect(JSON.stringify([seen, world.table('machines').all()])).not.toContain(canary)
  })

  test('escapes whatever reaches its page', async () => {
    const { create, get, run, booted } = await open()
    const target = create()
    await booted(target)
    const env = { REPO: 'r', PLAN: '<img src=x onerror=alert(1)>' }
    await run(target, 'settings', { compose: COMPOSE, env }, 'settings-1')
    await run(target, 'start', { release: 'v42' }, 'start-1')
    const page = await get(1, '/')
    expect(page.ok && page.body).toContain('&lt;img src=x')
    expect(page.ok && page.body).not.toContain('<img')
  })
})

describe('a command', () => {
  test('never runs twice: a lost reply is replayed with its log under the same id', async () => {
    const { create, run, booted, faults, machines, world } = await open({ speed: 300 })
    const target = create()
    await booted(target)
    await run(target, 'settings', { compose: COMPOSE, env: { REPO: 'r' } }, 'settings-1')
    faults.add({ provider: 'machine', verb: 'start', kind: 'lose_reply', times: 1 })
    const logs: string[][] = [[], []]
    const start = (attempt: number) =>
      machines.run(
        target,
        { verb: 'start', commandId: 'start-1', input: { release: 'v42' } },
        { onLog: (line) => logs[attempt]?.push(line) },
      )
    expect(await thrownBy(start(0))).toMatchObject({ code: 'unavailable', outcome: 'unknown' })
    expect((await start(1)).result).toMatchObject({ release: 'v42' })
    expect(logs[1]).toEqual(logs[0]!)
    const stored = world.table<{ id: string; commands: { id: string }[] }>('machines').get('1')
    expect(stored?.commands.map((command) => command.id)).toEqual(['settings-1', 'start-1'])
  })

  test('under a used id with another input is refused', async () => {
    const { create, run, booted } = await open()
    const target = create()
    await booted(target)
    await run(target, 'settings', { compose: COMPOSE, env: { REPO: 'r' } }, 'same')
    expect(
      await thrownBy(run(target, 'settings', { compose: COMPOSE, env: { REPO: 'x' } }, 'same')),
    ).toMatchObject({
      code: 'conflict',
    })
  })

  test('several run at once over one connection', async () => {
    const { create, run, booted, saw } = await open()
    const target = create()
    await booted(target)
    await Promise.all(Array.from({ length: 8 }, () => run(target, 'status')))
    expect(saw('command')).toBe(8)
    expect(saw('connection')).toBe(1)
  })

  test('that was refused, did nothing', async () => {
    const { create, run, booted, faults } = await open()
    const target = create()
    await booted(target)
    faults.add({ provider: 'machine', verb: 'host-key', kind: 'refuse', times: 1 })
    expect(await thrownBy(run(target, 'host-key', { action: 'prepare' }))).toMatchObject({
      code: 'unavailable',
      outcome: 'refused',
    })
  })

  test('that it has begun, is never refused anew', async () => {
    const { create, run, booted, faults } = await open()
    const target = create()
    await booted(target)
    const settings = () => run(target, 'settings', { compose: COMPOSE, env: { REPO: 'r' } }, 'settings-1')
    const said = await settings()
    faults.add({ provider: 'machine', verb: 'settings', kind: 'refuse', times: 1 })
    expect(await settings()).toEqual(said)
  })
})

describe('trouble', () => {
  test('a killed machine drops everything and refuses; booted again, the app comes back by itself', async () => {
    const { create, get, run, booted, sim } = await open({ speed: 500 })
    const target = create()
    await bringUp(park, target)
    sim.kill('1')
    expect(sim.list()[0]).toMatchObject({ state: 'off', app: { state: 'stopped' } })
    expect(await thrownBy(run(target, 'status'))).toMatchObject({ code: 'unavailable' })
    expect(await thrownBy(run(target, 'status'))).toMatchObject({ code: 'unavailable', outcome: 'refused' })
    expect(await get(1)).toMatchObject({ ok: false, reason: expect.stringContaining('refused') })
    sim.resume('1')
    await booted(target)
    await Bun.sleep(10)
    expect(await get(1)).toMatchObject({ ok: true, status: 200 })
    expect((await run(target, 'status')).result.app).toMatchObject({ state: 'running', release: 'v42' })
  })

  test('a start that the power cut interrupts has left its container, and its id takes it up again', async () => {
    const { create, run, booted, sim, clock } = await open({ speed: 20 })
    const target = create()
    clock.advance(2_000)
    await run(target, 'settings', { compose: COMPOSE, env: { REPO: 'r' } }, 'settings-1')
    const start = thrownBy(run(target, 'start', { release: 'v42' }, 'start-1'))
    while (sim.list()[0]?.app.state !== 'starting') await Bun.sleep(2)
    sim.kill('1')
    expect(await start).toMatchObject({ code: 'unavailable', outcome: 'unknown' })
    sim.powerOn('1')
    clock.advance(1_000)
    await booted(target)
    expect((await run(target, 'status')).result.app).toMatchObject({ release: 'v42' })
    const again = run(target, 'start', { release: 'v42' }, 'start-1')
    await Bun.sleep(20)
    clock.advance(1_000)
    expect((await again).result).toMatchObject({ release: 'v42' })
  })

  test('a paused machine answers nothing until it is resumed', async () => {
    const { create, get, run, sim } = await open()
    const target = create()
    await bringUp(park, target)
    sim.pause('1')
    let answers = 0
    const waiting = [get(1), run(target, 'status')].map((promise) => promise.then(() => answers++))
    await Bun.sleep(30)
    expect(answers).toBe(0)
    sim.resume('1')
    await Promise.all(waiting)
    expect(answers).toBe(2)
  })

  test('a deleted machine is gone, and its address can belong to another one', async () => {
    const { create, run, booted, sim, machines } = await open()
    const target = create()
    await booted(target)
    await run(target, 'status')
    sim.delete('1')
    expect(sim.list()).toEqual([])
    machines.close()
    expect(await thrownBy(run(target, 'status'))).toMatchObject({ code: 'unavailable', outcome: 'refused' })
    const stranger = create(1)
    await booted(stranger)
    expect(await thrownBy(run(target, 'status'))).toMatchObject({ vendorCode: 'host_key_mismatch' })
    expect((await run(stranger, 'status')).result.ready).toBe(true)
  })

  test('http faults: a refusal, a lost reply, a hang', async () => {
    const { create, get, faults, probe } = await open()
    const target = create()
    await bringUp(park, target)
    faults.add({ provider: 'machine', verb: 'http', kind: 'refuse', times: 1, status: 503 })
    expect(await get(1)).toMatchObject({ ok: true, status: 503 })
    faults.add({ provider: 'machine', verb: 'http', kind: 'lose_reply', times: 1 })
    expect(await get(1)).toMatchObject({ ok: false, reason: expect.stringContaining('broke') })
    faults.add({ provider: 'machine', verb: 'http', kind: 'timeout', times: 1 })
    const late = probe.get({ url: 'http://t1.localhost/health', address: target.address, timeoutMs: 30 })
    expect(await late).toMatchObject({ ok: false, reason: 'No answer within 30 ms.' })
    expect(await get(1)).toMatchObject({ ok: true, status: 200 })
  })
})

describe('many and long-lived', () => {
  test('100 machines boot, start and answer in parallel', async () => {
    const { create, get } = await open({ speed: 2_000 })
    const targets = Array.from({ length: 100 }, (_, index) => create(index + 1))
    await Promise.all(targets.map((target) => bringUp(park, target)))
    const answers = await Promise.all(targets.map((_, index) => get(index + 1)))
    expect(answers.filter((answer) => answer.ok && answer.status === 200)).toHaveLength(100)
  }, 20_000)

  test('a restart of the simulator finds machines, keys, settings and the app', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'atlas-machines-'))
    const file = join(folder, 'world.db')
    const before = await open({ file })
    const target = before.create()
    await bringUp(before, target)
    const prepared = (await before.run(target, 'host-key', { action: 'prepare' }, 'p-1')).result.public_key
    await before.close()
    const { names, get, run } = await open({ file })
    names.set('t1.localhost', target.address)
    expect(await get(1)).toMatchObject({ ok: true, status: 200 })
    expect((await run(target, 'host-key', { action: 'prepare' }, 'p-2')).result.public_key).toBe(prepared)
    expect((await run(target, 'start', { release: 'v42' }, 'start-1')).result).toMatchObject({
      release: 'v42',
    })
    rmSync(folder, { recursive: true })
  })
})
