import { afterEach, describe, expect, test } from 'bun:test'
import type { MachineTarget } from '../../src/providers/machines'
import { type Machine, settled } from '../../src/simulator/machines/machine'
import type { Publication } from '../../src/simulator/registry/images'
import { bringUp, openPark, type Park, type ParkOptions, thrownBy } from './machine-park'

let park: Park
afterEach(() => park.close())

/** Longer than anything here takes. */
const LONG_MS = 20_000
const REPOSITORY = 'acme/app'
type Tags = Record<string, Omit<Publication, 'repository' | 'tag'>>
type Failure = { code: string; facts: { part: string; back: boolean; log: string[] } }

/** A machine whose app runs v42, and a registry that has more than that. */
async function enter(releases: Tags = { v43: {} }, options: ParkOptions = {}) {
  park = await openPark(options)
  const { registry, create } = park
  const digests = new Map<string, string>()
  for (const [tag, kind] of Object.entries({ v42: {}, ...releases })) {
    digests.set(tag, registry.publish({ repository: REPOSITORY, tag, ...kind }).digest)
  }
  const target = create()
  park.clock.advance(LONG_MS)
  await bringUp(park, target)
  const imagesOf = (tag: string) => [{ image: `${REPOSITORY}:${tag}`, digest: digests.get(tag) ?? '' }]
  const order = (release: string, former = 'v42', change: Record<string, unknown> = {}) => ({
    release,
    images: imagesOf(release),
    former: { release: former, images: imagesOf(former) },
    health: { path: '/health', expect_status: 200, host: 't1.localhost', timeout_seconds: 20 },
    migrate: { service: 'app', command: ['/app/migrate'] },
    smoke: { path: '/', expect_status: 200, contains: '<dt>Release</dt>' },
    ...change,
  })
  const deploy = (input: Record<string, unknown>, id = 'deploy-1') => park.run(target, 'deploy', input, id)
  /** Resolves when the machine has begun something. */
  const begun = async () => {
    while (!machineNow()?.coming?.length) await Bun.sleep(1)
  }
  const failing = async (input: Record<string, unknown>, id?: string) =>
    (await thrownBy(deploy(input, id))) as unknown as Failure
  const health = async () => {
    const answer = await park.get(1)
    return answer.ok ? { status: answer.status, ...(JSON.parse(answer.body) as object) } : answer
  }
  return { target, digests, order, deploy, begun, failing, health, imagesOf }
}

const machineNow = () => {
  const machine = park.world.table<Machine>('machines').get('1')
  return machine && settled(machine, park.clock.now())
}

const runningOn = async (target: MachineTarget) => (await park.run(target, 'status')).result.app

describe('a deploy', () => {
  test('brings the app to a digest, and the app says so', async () => {
    const { target, digests, order, deploy, health } = await enter()
    const digest = digests.get('v43')
    expect((await deploy(order('v43'))).result).toEqual({ release: 'v43', digest })
    expect(await runningOn(target)).toEqual({ state: 'running', release: 'v43', digest })
    expect(await health()).toMatchObject({ status: 'ok', release: 'v43', digest })
  })

  test('leaves the former release serving until the switch, and a slow one takes its time', async () => {
    const { target, order, deploy, begun } = await enter({ v43: { behaviour: 'slow' } }, { speed: 20 })
    const pending = deploy(order('v43'))
    await begun()
    expect(await runningOn(target)).toMatchObject({ state: 'running', release: 'v42' })
    park.clock.advance(LONG_MS)
    expect((await pending).result).toMatchObject({ release: 'v43' })
  })

  test.each([
    ['broken', 'health'],
    ['smoke_fails', 'smoke'],
  ] as const)('of an image that is %s goes back', async (behaviour, part) => {
    const { target, order, failing, digests } = await enter({ v43: { behaviour } })
    const { code, facts } = await failing(order('v43'))
    expect([code, facts.part, facts.back]).toEqual(['conflict', part, true])
    expect(facts.log).toContain('Switching to release v43')
    expect(facts.log.join()).not.toContain('Going back')
    expect(await runningOn(target)).toEqual({
      state: 'running',
      release: 'v42',
      digest: digests.get('v42'),
    })
  })

  test('of an image that is well for a minute succeeds, and a minute later it is not well', async () => {
    const speed = 20
    const { order, deploy, health } = await enter({ v43: { behaviour: 'unhealthy_later' } }, { speed })
    await deploy(order('v43'))
    expect(await health()).toMatchObject({ status: 'ok' })
    park.clock.advance(60_000 / speed)
    expect(await park.get(1)).toMatchObject({ ok: true, status: 503 })
  })

  test.each([
    ['the migration fails', { v43: { behaviour: 'migration_fails' } }, {}, 'migrate', 'conflict'],
    [
      'there is no such image',
      { v43: {} },
      { images: [{ image: 'acme/app:v9', digest: `sha256:${'0'.repeat(64)}` }] },
      'pull',
      'not_found',
    ],
  ] as const)('changes nothing when %s', async (_, releases, change, part, code) => {
    const { target, order, failing } = await enter(releases)
    const failed = await failing(order('v43', 'v42', change))
    expect([failed.code, failed.facts.part, failed.facts.back]).toEqual([code, part, true])
    expect(await runningOn(target)).toMatchObject({ state: 'running', release: 'v42' })
  })

  test('changes nothing when the disk is full or the registry is down, and what is on the disk needs neither', async () => {
    const { order, deploy, failing } = await enter()
    park.sim.setFull('1', true)
    expect(await failing(order('v43'), 'full')).toMatchObject({ code: 'conflict', facts: { part: 'space' } })
    park.sim.setFull('1', false)
    park.faults.add({ provider: 'registry', verb: 'pull', kind: 'refuse', times: 1 })
    expect(await failing(order('v43'), 'down')).toMatchObject({
      code: 'unavailable',
      facts: { part: 'pull' },
    })
    await deploy(order('v43'), 'up')
    park.faults.add({ provider: 'registry', verb: 'pull', kind: 'refuse', times: 1 })
    expect((await deploy(order('v42', 'v43'), 'back')).result).toMatchObject({ release: 'v42' })
  })

  test('of a private image needs the login', async () => {
    const login = { username: 'atlas', password: 'secret' }
    const { order, deploy, failing } = await enter(undefined, { login })
    park.registry.hide(REPOSITORY)
    expect(await failing(order('v43'), 'without')).toMatchObject({ code: 'not_found' })
    const wrong = { host: 'ghcr.io', username: 'atlas', password: 'wrong' }
    expect(await failing(order('v43', 'v42', { registry: wrong }), 'wrong')).toMatchObject({
      code: 'not_found',
    })
    const registry = { host: 'ghcr.io', ...login }
    expect((await deploy(order('v43', 'v42', { registry }), 'right')).result).toMatchObject({
      release: 'v43',
    })
  })

  test.each([
    { release: '-x' },
    { images: [{ image: 'a b:v1', digest: `sha256:${'0'.repeat(64)}` }] },
    { images: [{ image: 'a:v1', digest: 'sha256:0' }] },
    { former: undefined },
    { health: { path: 'health', expect_status: 200, timeout_seconds: 5 } },
    { migrate: { service: 'app', command: [] } },
  ])('takes none of %j', async (change) => {
    const { order, failing } = await enter()
    expect(await failing(order('v43', 'v42', change))).toMatchObject({ code: 'invalid' })
  })
})

describe('the settings that go with a release', () => {
  const compose = `services: { app: { image: "\${REPO:?}:\${RELEASE:?}" }, worker: { image: w } }`
  const settingsNow = () => machineNow()?.settings

  test('are in force with it, and gone with it', async () => {
    const { order, deploy, failing } = await enter({ v43: {}, v44: { behaviour: 'broken' } })
    const before = settingsNow()
    const next = { compose, env: { REPO: 'acme/app', PLAN: 'starter' } }
    await failing(order('v44', 'v42', next), 'broken')
    expect(settingsNow()).toEqual(before)
    await deploy(order('v43', 'v42', next))
    expect(settingsNow()).toMatchObject({ services: ['app', 'worker'], plan: 'starter' })
  })

  test('are printed by an app that is not discreet, whole and cut', async () => {
    const { order, failing } = await enter({ v43: { behaviour: 'indiscreet' } })
    const env = { REPO: 'acme/app', PASSWORD: 'x'.repeat(500) }
    const { facts } = await failing(order('v43', 'v42', { compose, env }))
    expect(facts).toMatchObject({ part: 'health', back: true })
    expect(facts.log).toContain(`PASSWORD=${env.PASSWORD}`)
    expect(facts.log).toContain(JSON.stringify(env).slice(0, 400))
    expect(JSON.stringify(settingsNow())).not.toContain(env.PASSWORD)
  })

  test('that lack something leave everything as it is', async () => {
    const { target, order, failing } = await enter()
    const failed = await failing(order('v43', 'v42', { compose, env: {} }))
    expect(failed).toMatchObject({ code: 'unavailable', facts: { part: 'pull', back: true } })
    expect(failed.facts.log).toContain('required variable REPO is missing a value')
    expect(await runningOn(target)).toMatchObject({ release: 'v42' })
    expect(await failing(order('v43', 'v42', { compose, env: 1 }), 'malformed')).toMatchObject({
      code: 'invalid',
    })
  })
})

describe('a schema', () => {
  test('that was expanded is one on which the former release runs', async () => {
    const { target, order, deploy, health } = await enter({ v43: { migration: 'expand' } })
    await deploy(order('v43'))
    await deploy(order('v42', 'v43', { migrate: undefined }), 'back')
    expect(await health()).toMatchObject({ release: 'v42', status: 'ok' })
    expect(await runningOn(target)).toMatchObject({ state: 'running' })
  })

  test('that was contracted is not: there is no way back, not even for the agent', async () => {
    const { target, order, deploy, failing } = await enter({
      v43: { migration: 'contract' },
      v44: { behaviour: 'broken', migration: 'contract' },
    })
    await deploy(order('v43'))
    const back = await failing(order('v42', 'v43', { migrate: undefined }), 'back')
    expect(back.facts).toMatchObject({ part: 'health', back: true })
    expect(await runningOn(target)).toMatchObject({ state: 'running', release: 'v43' })
    expect((await failing(order('v44', 'v43'), 'broken')).facts).toMatchObject({ back: false })
    expect(await runningOn(target)).toMatchObject({ state: 'failed', release: 'v43' })
  })

  test('that is contracted by a release that says so keeps the machine where it is', async () => {
    const { target, order, deploy, failing } = await enter({
      v43: { behaviour: 'smoke_fails', migration: 'contract' },
      v44: { migration: 'contract' },
      v45: { behaviour: 'migration_fails' },
    })
    const oneWay = { no_return: 'v43', passes: ['v43'] }
    park.sim.setFull('1', true)
    expect((await failing(order('v43', 'v42', oneWay), 'full')).facts).toMatchObject({ back: true })
    park.sim.setFull('1', false)
    const { facts } = await failing(order('v43', 'v42', oneWay), 'sick')
    expect(facts).toMatchObject({ part: 'smoke', back: false })
    expect(await runningOn(target)).toMatchObject({ state: 'running', release: 'v43' })
    expect((await failing(order('v42', 'v43'), 'back')).code).toBe('conflict')
    expect((await failing(order('v45', 'v42', oneWay), 'next')).facts).toMatchObject({
      ...{ part: 'migrate', back: false },
    })
    expect(await runningOn(target)).toMatchObject({ state: 'running', release: 'v43' })
    const older = order('v44', 'v42', { no_return: 'v44', passes: ['v44'] })
    expect((await failing(older, 'older')).facts).toMatchObject({ part: 'no-return' })
    await deploy(order('v44', 'v42', { no_return: 'v44', passes: ['v43', 'v44'] }), 'mended')
    const later = order('v45', 'v44', { lives_with: ['v43', 'v44'] })
    expect((await failing(later, 'later')).facts).toMatchObject({ part: 'migrate', back: true })
  })

  test('that was changed for good starts no release from before that', async () => {
    const { target, order, deploy, imagesOf } = await enter({ v43: { migration: 'contract' } })
    const start = (id: string, release: string, livesWith: string[]) =>
      park.run(target, 'start', { release, images: imagesOf(release), lives_with: livesWith }, id)
    await deploy(order('v43', 'v42', { no_return: 'v43' }))
    const { message, facts } = await thrownBy(start('former', 'v42', []))
    expect(message).toBe(
      'Release v43 has changed the data for good, and what is to be started is from before it. Deploy v43 or a later release, or restore a backup from before it.',
    )
    expect(facts).toEqual({ part: 'no-return' })
    expect(await runningOn(target)).toMatchObject({ release: 'v43' })
    expect((await start('same', 'v43', ['v43'])).result).toMatchObject({ release: 'v43' })
  })

  test('that a release expects and does not find makes it fail', async () => {
    const { order, failing } = await enter({ v43: { migration: 'expand' } })
    expect((await failing(order('v43', 'v42', { migrate: undefined }))).facts).toMatchObject({
      part: 'health',
    })
  })

  test('that is older than the release is migrated by a start that is told so', async () => {
    const { target, order, deploy, imagesOf } = await enter({ v43: { migration: 'expand' } })
    const start = (id: string, change: object) =>
      park.run(target, 'start', { release: 'v43', images: imagesOf('v43'), ...change }, id)
    await start('without', {})
    expect(await runningOn(target)).toMatchObject({ state: 'failed' })
    await start('with', { migrate: order('v43').migrate })
    await Bun.sleep(5)
    expect(await runningOn(target)).toMatchObject({ state: 'running' })
    expect((await deploy(order('v42', 'v43'))).result).toMatchObject({ release: 'v42' })
  })

  test('is not taken back with the release', async () => {
    const { order, failing } = await enter({ v43: { migration: 'expand', behaviour: 'broken' } })
    await failing(order('v43'))
    expect(park.sim.data('1').schema).toEqual({ major: 1, minor: 1 })
  })
})

describe('trouble on the way', () => {
  test('a connection that drops in the middle is joined again by its id, and nothing runs twice', async () => {
    const { target, order, deploy } = await enter({ v43: {} })
    park.faults.add({ provider: 'machine', verb: 'deploy', kind: 'drop', times: 1 })
    expect(await thrownBy(deploy(order('v43')))).toMatchObject({ code: 'unavailable', outcome: 'unknown' })
    const lines: string[] = []
    const command = { verb: 'deploy', commandId: 'deploy-1', input: order('v43') } as const
    const again = await park.machines.run(target, command, { onLog: (line) => lines.push(line) })
    expect(again.result).toMatchObject({ release: 'v43' })
    expect(lines.filter((line) => line.startsWith('Migrating'))).toHaveLength(1)
    const console = (await park.run(target, 'logs', { lines: 1000 })).result.lines as string[]
    expect(console.filter((line) => line.startsWith('Migrating'))).toHaveLength(1)
  })

  test('a power cut before the switch leaves the former release, and the id takes the deploy up again', async () => {
    const { target, order, deploy, begun } = await enter({ v43: {} }, { speed: 20 })
    const broken = thrownBy(deploy(order('v43')))
    await begun()
    park.sim.kill('1')
    expect(await broken).toMatchObject({ code: 'unavailable', outcome: 'unknown' })
    park.sim.resume('1')
    park.clock.advance(LONG_MS)
    await park.booted(target)
    expect(await runningOn(target)).toMatchObject({ release: 'v42' })
    const again = deploy(order('v43'))
    await begun()
    park.clock.advance(LONG_MS)
    expect((await again).result).toMatchObject({ release: 'v43' })
  })

  test('another host key is noticed before anything is sent', async () => {
    const { order, deploy } = await enter()
    park.sim.changeHostKey('1')
    park.machines.close()
    const commands = park.saw('command')
    expect(await thrownBy(deploy(order('v43')))).toMatchObject({ vendorCode: 'host_key_mismatch' })
    expect(park.saw('command')).toBe(commands)
  })
})

describe('the agent of a machine', () => {
  const next = '#!/bin/sh\necho another\n'
  const sha256 = (text: string) => new Bun.CryptoHasher('sha256').update(text).digest('hex')

  test('is called by the digest of its text, and can be replaced', async () => {
    const { target } = await enter()
    expect((await park.run(target, 'status')).result.agent_version).toBe(sha256('#!/bin/sh\n').slice(0, 12))
    const reply = await park.run(target, 'update', { script: next, script_sha256: sha256(next) }, 'update-1')
    expect(reply.result).toEqual({ agent_version: sha256(next).slice(0, 12) })
    expect((await park.run(target, 'status')).result.agent_version).toBe(sha256(next).slice(0, 12))
  })

  test('is not replaced by what is not meant', async () => {
    const { target } = await enter()
    for (const [id, input] of [
      ['a', { script: next, script_sha256: sha256('other') }],
      ['b', { script: 'echo', script_sha256: sha256('echo') }],
      ['c', {}],
    ] as const) {
      expect(await thrownBy(park.run(target, 'update', input, id))).toMatchObject({ code: 'invalid' })
    }
  })
})
