import { afterEach, beforeEach, expect, test } from 'bun:test'
import { effects, runLogs, steps } from '../../src/db/schema'
import type { ServerRow } from '../../src/simulator/hetzner/project'
import { readSecrets } from '../../src/tenants/secrets'
import { getTenant, serverOf } from '../../src/tenants/tenant'
import { Land } from '../crash/land'

let land: Land
beforeEach(async () => {
  land = await Land.open()
  await land.live()
})
afterEach(() => land.close())

/** The tenant's own secrets, and the shared ones that it was handed. */
function everySecret(): string[] {
  const { services } = land.stage
  const own = readSecrets(land.db.read, services, getTenant(land.db.read, land.tenantId))
  const shared = ['GOOGLE_API_KEY', 'AI_GATEWAY_API_KEY', 'S3_ACCESS_KEY', 'S3_SECRET_KEY']
  return [...Object.values(own), ...shared.map((name) => services.env[name] ?? '')]
}

test('user-data carries no secret that lasts, and its host key is no longer in use', () => {
  const [server] = land.clouds.world.table<ServerRow>('hetzner_server').all()
  const userData = server?.userData ?? ''
  expect(userData).toContain('ssh-ed25519')
  expect(everySecret().length).toBeGreaterThan(5)
  expect(everySecret().filter((secret) => userData.includes(secret))).toEqual([])
  expect(userData).not.toContain(serverOf(land.db.read, land.tenantId).hostKey ?? '')
})

test('no secret is in the ledger, the steps or the logs', () => {
  const { db, stage } = land
  const written = JSON.stringify([
    db.read.select().from(effects).all(),
    db.read.select().from(steps).all(),
    db.read.select().from(runLogs).all(),
    stage.lines,
  ])
  expect(written).toContain('deliver-settings')
  expect(everySecret().filter((secret) => written.includes(secret))).toEqual([])
})

test('the settings went over SSH and to no cloud', () => {
  const sent = land.exchanges.map(({ requestBody }) => requestBody).join('\n')
  expect(sent.length).toBeGreaterThan(1_000)
  expect(everySecret().filter((secret) => sent.includes(secret))).toEqual([])
})
