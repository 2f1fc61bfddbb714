import { afterEach, beforeEach, expect, test } from 'bun:test'
import { effects, runLogs, steps } from '../../src/db/schema'
import type { ServerRow } from '../../src/simulator/hetzner/project'
import { readSecrets } from '../../src/tenants/secrets'
import { getTenant, serverOf } from '../../src/tenants/tenant'
import { Estate } from '../estate'

let estate: Estate
beforeEach(async () => {
  estate = await Estate.approved()
  await estate.live()
})
afterEach(() => estate.close())

/** The tenant's own secrets, and the shared ones that it was handed. */
function everySecret(): string[] {
  const { services } = estate.stage
  const own = readSecrets(estate.db.read, services, getTenant(estate.db.read, estate.tenantId))
  const shared = ['GOOGLE_API_KEY', 'AI_GATEWAY_API_KEY', 'S3_ACCESS_KEY', 'S3_SECRET_KEY']
  return [...Object.values(own), ...shared.map((name) => services.env[name] ?? '')]
}

test('user-data carries no secret that lasts, and its host key is no longer in use', () => {
  const [server] = estate.clouds.world.table<ServerRow>('hetzner_server').all()
  const userData = server?.userData ?? ''
  expect(userData).toContain('ssh-ed25519')
  expect(everySecret().length).toBeGreaterThan(5)
  expect(everySecret().filter((secret) => userData.includes(secret))).toEqual([])
  expect(userData).not.toContain(serverOf(estate.db.read, estate.tenantId).hostKey ?? '')
})

test('no secret is in the ledger, the steps or the logs', () => {
  const { db, stage } = estate
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
  const sent = estate.exchanges.map(({ requestBody }) => requestBody).join('\n')
  expect(sent.length).toBeGreaterThan(1_000)
  expect(everySecret().filter((secret) => sent.includes(secret))).toEqual([])
})
