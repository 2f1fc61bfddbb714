import type { Cloud, CloudServer, ServerType } from '../../src/providers/cloud'
import { openStage, type Stage } from '../stage'

const SERVER: CloudServer = {
  id: '4711',
  name: 'ada-lovelace-000000',
  status: 'running',
  ipv4: '198.18.0.1',
  ipv6: null,
  ipv4Id: '1',
  ipv6Id: null,
  serverType: 'cpx21',
  location: 'nbg1',
  diskGb: 80,
  backups: false,
  labels: {},
  createdAt: 0,
}
const TYPE: ServerType = {
  name: 'cpx21',
  cores: 3,
  memoryGb: 4,
  diskGb: 80,
  cpuType: 'shared',
  architecture: 'x86',
  locations: ['nbg1'],
  monthlyCents: { nbg1: 700 },
}

/** A stage whose cloud has one server, and types for both plans until a test takes them away. */
export function openLivingStage(types: ServerType[] = [TYPE, dedicated('nbg1')], file?: string): Stage {
  const cloud: Partial<Cloud> = { getServer: async () => SERVER, listServerTypes: async () => types }
  return openStage({ file, services: { cloud: cloud as Cloud } })
}

/** What Pro takes, in a location. */
export function dedicated(location: string): ServerType {
  return { ...TYPE, name: 'ccx13', cores: 2, memoryGb: 8, cpuType: 'dedicated', locations: [location] }
}

/** A tenant that is live as far as Atlas knows: nobody works on runs here. */
export async function liveTenant(stage: Stage, subdomain = 'ada-lovelace'): Promise<string> {
  const { tenantId } = await stage.tenant(subdomain, `${subdomain}@example.com`)
  endRun(stage, tenantId)
  const { sqlite } = stage.services.db
  sqlite.run("UPDATE tenants SET status = 'active', activated_at = 1 WHERE id = ?", [tenantId])
  sqlite.run("UPDATE signups SET status = 'active' WHERE subdomain = ?", [subdomain])
  sqlite.run(
    "UPDATE servers SET external_id = ? || '-4711', ipv4 = '198.18.0.1', server_type = 'cpx21' WHERE tenant_id = ?",
    [subdomain, tenantId],
  )
  return tenantId
}

/** Ends the tenant's live run, as if it had come to this. */
export function endRun(stage: Stage, tenantId: string, status: 'succeeded' | 'failed' = 'succeeded'): void {
  const reason = status === 'failed' ? 'It broke.' : null
  stage.services.db.sqlite.run(
    "UPDATE runs SET status = ?, reason = ?, finished_at = 1 WHERE tenant_id = ? AND status IN ('queued', 'running', 'waiting')",
    [status, reason, tenantId],
  )
}
