import { afterEach, describe, expect, test } from 'bun:test'
import { type ManualClock, sleep } from '../../src/clock'
import { AtlasError } from '../../src/errors'
import type { Cloud } from '../../src/providers/cloud'
import { createHetzner } from '../../src/providers/hetzner'
import { HetznerStand, TOKEN } from '../simulator/hetzner-stand'

let stand: HetznerStand

afterEach(() => stand.stop())

const clientOf = (stand: HetznerStand): Cloud =>
  createHetzner({
    token: TOKEN,
    apiUrl: 'http://simulator/hetzner/v1',
    clock: stand.clock,
    fetch: (request) => stand.front.answer(request),
  })

const answered429 = () => stand.exchanges.filter((exchange) => exchange.status === 429).length

/** Lets simulated time pass in steps until the work is done. */
async function live<T>(clock: ManualClock, work: Promise<T>, stepMs: number, stepsMax = 5_000): Promise<T> {
  let done = false
  const end = work.finally(() => {
    done = true
  })
  for (let step = 0; !done && step < stepsMax; step++) {
    for (let turn = 0; !done && turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
    clock.advance(stepMs)
  }
  if (!done) throw new Error('the simulated time is over')
  return end
}

/** What a durable run does: on `unavailable` it comes back when it was told to. */
async function patiently<T>(clock: ManualClock, step: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await step()
    } catch (thrown) {
      if (!(thrown instanceof AtlasError) || thrown.code !== 'unavailable') throw thrown
      await sleep(clock, thrown.retryAfterMs ?? 1_000)
    }
  }
}

async function provision(
  cloud: Cloud,
  clock: ManualClock,
  name: string,
  firewallId: string,
): Promise<string> {
  const place = { serverType: 'cpx21', location: 'fsn1', image: 'debian-13' }
  const order = { ...place, name, userData: '', sshKeyIds: ['atlas'], firewallId, labels: { run: name } }
  const { server, actionIds } = await patiently(clock, () => cloud.ensureServer(order))
  for (;;) {
    const actions = await patiently(clock, () => cloud.getActions(actionIds))
    if (actions.every((action) => action.status === 'success')) return server.id
    await sleep(clock, 1_000)
  }
}

async function provisionFifty(cloud: Cloud, stepMs: number) {
  const { clock } = stand
  const work = async () => {
    const { id } = await patiently(clock, () => cloud.ensureFirewall({ name: 'wall', labels: {}, rules: [] }))
    return Promise.all(Array.from({ length: 50 }, (_, n) => provision(cloud, clock, `atlas-${n}`, id)))
  }
  return live(clock, work(), stepMs)
}

describe('fifty provisions at once', () => {
  test("stay far below Hetzner's limit: polls are shared", async () => {
    stand = new HetznerStand()
    expect(new Set(await provisionFifty(clientOf(stand), 1_000)).size).toBe(50)
    expect(answered429()).toBe(0)
    expect(stand.exchanges.length).toBeLessThan(200)
  })

  test('finish without a single 429 even when the project takes only 60 requests an hour', async () => {
    stand = new HetznerStand({ requestsPerHour: 60 })
    expect(new Set(await provisionFifty(clientOf(stand), 5_000)).size).toBe(50)
    expect(answered429()).toBe(0)
    expect(stand.verbs.filter((verb) => verb === 'POST /servers')).toHaveLength(50)
  })

  test('control: a client that polls for each action by itself and keeps no account runs into the limit', async () => {
    stand = new HetznerStand({ requestsPerHour: 360 })
    const careless = () => clientOf(stand)
    const { clock } = stand
    const work = async () => {
      const { id } = await careless().ensureFirewall({ name: 'wall', labels: {}, rules: [] })
      const all = Array.from({ length: 50 }, (_, n) => provision(careless(), clock, `atlas-${n}`, id))
      return Promise.all(all)
    }
    await live(clock, work(), 1_000)
    expect(answered429()).toBeGreaterThan(50)
  })
})

describe('the budget of requests', () => {
  test('learns from the headers what others use up, and waits for its turn', async () => {
    stand = new HetznerStand({ requestsPerHour: 3_600 })
    const cloud = clientOf(stand)
    const greedy = new Headers({ authorization: `Bearer ${TOKEN}` })
    const eat = () =>
      stand.front.answer(new Request('http://simulator/hetzner/v1/locations', { headers: greedy }))
    for (let n = 0; n < 3_589; n++) await eat()
    await cloud.getServer('1')
    let answered = false
    const waiting = cloud.getServer('1').then(() => {
      answered = true
    })
    stand.clock.advance(500)
    await new Promise((resolve) => setImmediate(resolve))
    expect(answered).toBe(false)
    await live(stand.clock, waiting, 500, 10)
    expect(answered).toBe(true)
    expect(answered429()).toBe(0)
  })

  test('refuses at once when the wait would be long, and says when to come back', async () => {
    stand = new HetznerStand({ requestsPerHour: 10 })
    const cloud = clientOf(stand)
    for (let n = 0; n < 9; n++) await cloud.getServer('1')
    const error = await cloud.getServer('1').catch((thrown) => thrown)
    expect(error).toMatchObject({
      code: 'unavailable',
      outcome: 'refused',
      vendorCode: 'rate_limit_exceeded',
    })
    expect(error.retryAfterMs).toBeGreaterThan(300_000)
    expect(error.retryAfterMs).toBeLessThanOrEqual(360_000)
    stand.clock.advance(error.retryAfterMs)
    expect(await cloud.getServer('1')).toBeNull()
    expect(answered429()).toBe(0)
  })

  test('reads from the headers when a limit refills faster than documented', async () => {
    stand = new HetznerStand({ requestsPerHour: 100, speed: 1_000 })
    const cloud = clientOf(stand)
    const work = async () => {
      for (let n = 0; n < 120; n++) await cloud.getServer('1')
    }
    // At the documented pace of 36 seconds a request the client would have refused.
    await live(stand.clock, work(), 50)
    expect(answered429()).toBe(0)
  })

  test('counts a 429 and holds back until there is room again', async () => {
    stand = new HetznerStand()
    const cloud = clientOf(stand)
    const fault = {
      provider: 'hetzner',
      verb: 'GET /locations',
      kind: 'refuse' as const,
      times: 1,
      status: 429,
    }
    stand.front.faults.add(fault)
    const error = await cloud.listLocations().catch((thrown) => thrown)
    expect(error).toMatchObject({
      code: 'unavailable',
      outcome: 'refused',
      vendorCode: 'rate_limit_exceeded',
    })
    expect(error.retryAfterMs).toBeGreaterThanOrEqual(1_000)
    stand.clock.advance(error.retryAfterMs)
    expect(await cloud.listLocations()).not.toBeEmpty()
  })
})
