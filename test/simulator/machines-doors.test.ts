import { afterEach, describe, expect, test } from 'bun:test'
import { generateHostKey } from '../../src/providers/ssh/keys'
import { type FrontDoor, startFrontDoor } from '../../src/simulator/machines/front-door'
import { bringUp, openPark, type Park, thrownBy } from './machine-park'

let park: Park
let door: FrontDoor | undefined
afterEach(async () => {
  await door?.stop()
  door = undefined
  await park.close()
})

describe('the gateway', () => {
  test('says refused for an address that no machine has, and for other ports than SSH', async () => {
    park = await openPark()
    const nobody = { address: '198.18.9.9', hostKeys: [generateHostKey().publicKey] }
    expect(await thrownBy(park.run(nobody, 'status'))).toMatchObject({
      code: 'unavailable',
      outcome: 'refused',
    })
    const asked = { url: 'http://x.localhost/', address: '198.18.9.9', timeoutMs: 2_000 }
    expect(await park.probe.get(asked)).toMatchObject({
      ok: false,
      reason: expect.stringContaining('refused'),
    })
    const secure = { ...asked, url: 'https://x.localhost/' }
    expect(await park.probe.get(secure)).toMatchObject({
      ok: false,
      reason: expect.stringContaining('gateway'),
    })
  })

  test('reaches a machine also under the port of the front door', async () => {
    park = await openPark()
    const target = park.create()
    await bringUp(park, target)
    const url = 'http://t1.localhost:4001/health'
    expect(await park.probe.get({ url, address: target.address, timeoutMs: 2_000 })).toMatchObject({
      status: 200,
    })
  })

  test('lets connections be refused, dropped and slowed down', async () => {
    park = await openPark()
    const target = park.create()
    await park.booted(target)
    for (const kind of ['refuse', 'lose_reply'] as const) {
      park.faults.add({ provider: 'machine', verb: 'connect', kind, times: 1 })
      expect(await thrownBy(park.run(target, 'status'))).toMatchObject({
        code: 'unavailable',
        outcome: 'refused',
      })
    }
    park.faults.add({ provider: 'machine', verb: 'connect', kind: 'slow', times: 1, delayMs: 20 })
    expect((await park.run(target, 'status')).result.ready).toBe(true)
    expect(park.saw('connection')).toBe(1)
  })

  test('breaks off what is not a proxy request', async () => {
    park = await openPark()
    expect(await fetch(`${park.gateway.url}/`, { proxy: false }).catch((error: Error) => error.name)).toBe(
      'TypeError',
    )
  })
})

describe('the front door', () => {
  const visit = (path: string, host: string) =>
    fetch(`${door?.url}${path}`, { headers: { Host: host }, proxy: false, keepalive: false })
  const enter = async () => {
    park = await openPark()
    door = startFrontDoor(park.sim.doors, (hostname) => park.names.get(hostname), 0)
  }

  test('leads to the machine that the name points to', async () => {
    await enter()
    await bringUp(park, park.create())
    const page = await visit('/', 't1.localhost:4001')
    expect(page.status).toBe(200)
    const markup = await page.text()
    expect(markup).toContain('<h1>T1</h1>')
    for (const [, path] of markup.matchAll(/href="(\/[^"]+)"/g)) {
      expect((await visit(path ?? '', 't1.localhost')).status).toBe(200)
    }
    expect((await visit('/missing', 't1.localhost')).status).toBe(404)
    const health = await visit('/health', 't1.localhost:4001')
    expect(await health.json()).toMatchObject({ status: 'ok', release: 'v42' })
  })

  test('says in words that a name does not exist, or that nobody answers', async () => {
    await enter()
    park.create()
    const unknown = await visit('/', 'nobody.localhost:4001')
    expect([unknown.status, await unknown.text()]).toEqual([502, expect.stringContaining('No such name')])
    const silent = await visit('/', 't1.localhost:4001')
    expect([silent.status, await silent.text()]).toEqual([
      502,
      expect.stringContaining('no web server is running'),
    ])
  })

  test('breaks the connection when a reply is to be lost', async () => {
    await enter()
    await bringUp(park, park.create())
    park.faults.add({ provider: 'machine', verb: 'http', kind: 'lose_reply', times: 1 })
    const reply = visit('/', 't1.localhost').then((response) => response.text())
    expect(await reply.catch((error: { code?: string }) => error.code)).toBe('ECONNRESET')
  })
})
