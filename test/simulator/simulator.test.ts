import { afterEach, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ManualClock } from '../../src/clock'
import { type Simulator, type SimulatorOptions, startSimulator } from '../../src/simulator/simulator'
import { atlasKey } from './machine-park'

const ANY = { clouds: 0, tenants: 0, gateway: 0 }
const HETZNER = 'hetzner-token'
const STORAGE = { bucket: 'backups', region: 'auto', accessKeyId: 'AKIA2', secretAccessKey: 'secret' }
const AUTHORIZED = { authorization: `Bearer ${HETZNER}` }
const running: Simulator[] = []

afterEach(async () => {
  for (const one of running.splice(0)) await one.stop()
})

async function start(options: Partial<SimulatorOptions> = {}): Promise<Simulator> {
  const simulator = await startSimulator({
    clock: new ManualClock(),
    ports: ANY,
    keys: { stripe: 'sk_test_1', hetzner: HETZNER, awsAccessKeyId: 'AKIA1', resend: 're_1', s3: STORAGE },
    prices: [{ id: 'price_1', amount: 100, currency: 'usd', interval: 'month', productName: 'One' }],
    webhook: { url: 'http://127.0.0.1:9/hook', secret: 'whsec_1' },
    zone: { id: 'Z1', name: 'localhost' },
    sshKey: { name: 'atlas', publicKey: atlasKey.publicKey },
    ...options,
  })
  running.push(simulator)
  return simulator
}

const statusOf = async (url: string, init?: RequestInit) => (await fetch(url, init)).status

describe('the simulated clouds', () => {
  test('answer for each vendor at its own path, and refuse a wrong key', async () => {
    const { urls } = await start()
    const { clouds } = urls
    expect(await statusOf(`${clouds}/hetzner/v1/servers`, { headers: AUTHORIZED })).toBe(200)
    expect(await statusOf(`${clouds}/hetzner/v1/servers`)).toBe(401)
    const stripe = { headers: { authorization: 'Bearer sk_test_1' } }
    expect(await statusOf(`${clouds}/v1/prices/price_1`, stripe)).toBe(200)
    expect(await statusOf(`${clouds}/v1/prices/price_1`)).toBe(401)
    expect(await statusOf(`${clouds}/resend/emails`, { method: 'POST', body: '{}' })).toBe(401)
    expect(await statusOf(`${clouds}/route53/2013-04-01/hostedzone`)).toBe(403)
    expect(await statusOf(`${clouds}/s3/backups/one`)).toBe(403)
  })

  test('have their pages, a front door and a gateway', async () => {
    const { urls } = await start()
    for (const path of ['/', '/mailbox', '/control/state.json']) {
      expect([path, await statusOf(urls.clouds + path)]).toEqual([path, 200])
    }
    expect(await statusOf(`${urls.clouds}/nowhere`)).toBe(404)
    expect(await statusOf(urls.tenants, { headers: { host: 'nobody.localhost' } })).toBe(502)
    const proxied = await fetch('http://198.18.0.1/', { proxy: urls.gateway })
    expect(proxied.status).toBe(502)
  })

  test('are found again by the next start on the same file', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'atlas-simulator-'))
    const file = join(folder, 'clouds.db')
    try {
      const first = await start({ file })
      const order = { name: 'acme', server_type: 'cpx21', image: 'debian-13', location: 'nbg1' }
      first.hetzner.seed(order, 0)
      await running.pop()?.stop()
      const { urls } = await start({ file })
      const listed = await fetch(`${urls.clouds}/hetzner/v1/servers`, { headers: AUTHORIZED })
      expect(await listed.json()).toMatchObject({ servers: [{ name: 'acme', status: 'running' }] })
      await running.pop()?.stop()
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  test('leave no port behind when they stop', async () => {
    const { urls } = await start()
    await running.pop()?.stop()
    for (const url of Object.values(urls))
      await expect(fetch(url)).rejects.toMatchObject({ name: expect.any(String) })
  })

  test('leave no port behind when they cannot start', async () => {
    const other = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response() })
    const free = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response() })
    const clouds = free.port ?? 0
    free.stop(true)
    try {
      const ports = { ...ANY, clouds, gateway: other.port ?? 0 }
      await expect(start({ ports })).rejects.toMatchObject({ code: 'EADDRINUSE' })
      await expect(fetch(`http://127.0.0.1:${clouds}/`)).rejects.toThrow()
    } finally {
      other.stop(true)
    }
  })
})
