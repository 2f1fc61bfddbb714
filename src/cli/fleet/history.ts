import type { effects, steps } from '../../db/schema'
import { newId } from '../../ids'
import type { AgentVerb } from '../../providers/machines'
import { provisionRecipe } from '../../provisioning/recipe'
import { firewallSpec } from '../../provisioning/server'
import type { Intent } from '../../runs/effects'
import type { Ground } from './ground'
import type { Holding } from './holding'
import type { Tenancy } from './tenancy'

type StepRow = typeof steps.$inferSelect
type EffectRow = typeof effects.$inferSelect

/** What one step of provisioning left behind. */
type Trace = { lastsMs: number; output?: Record<string, unknown>; effects?: Done[] }

/** An effect that went well. */
type Done = Intent & { externalId: string }

export type History = { steps: StepRow[]; effects: EffectRow[]; liveAt: number }

const STEP_MS = 500

/** A provisioning run that went through without a hitch: the steps of the recipe one after the other. */
export function historyOf(ground: Ground, tenancy: Tenancy, holding: Holding): History {
  const { ids, approvedAt } = tenancy
  const traces = tracesOf(ground, tenancy, holding)
  const history: History = { steps: [], effects: [], liveAt: approvedAt }
  for (const { name, title } of provisionRecipe(ground.services).steps) {
    const { lastsMs, output = {}, effects = [] } = traces[name] ?? { lastsMs: STEP_MS }
    const startedAt = history.liveAt
    history.liveAt += lastsMs
    history.steps.push({
      runId: ids.run,
      position: history.steps.length,
      name,
      title,
      status: 'succeeded',
      attempts: 1,
      output: JSON.stringify(output),
      reason: null,
      awaits: null,
      startedAt,
      finishedAt: history.liveAt,
    })
    const place = { subject: ids.tenant, runId: ids.run, step: name }
    const shareMs = Math.floor(lastsMs / Math.max(1, effects.length))
    effects.forEach((effect, index) => {
      history.effects.push(effectRow(place, effect, startedAt + index * shareMs, shareMs))
    })
  }
  return history
}

/** The ledger's row of an effect that went well. */
export function effectRow(
  place: { subject: string; runId?: string; step?: string },
  { provider, verb, key, summary, externalId }: Done,
  requestedAt: number,
  lastsMs: number,
): EffectRow {
  return {
    id: newId('eff', requestedAt),
    subject: place.subject,
    runId: place.runId ?? null,
    step: place.step ?? null,
    provider,
    verb,
    key,
    externalId,
    summary: JSON.stringify(summary),
    outcome: 'done',
    error: null,
    vendorCode: null,
    requestedAt,
    finishedAt: requestedAt + lastsMs,
  }
}

/** By the names of the steps; a test compares them with those of a run that was really made. */
function tracesOf(
  { services, firewallId }: Ground,
  tenancy: Tenancy,
  holding: Holding,
): Record<string, Trace> {
  const { lot, ids, hostname, url, serverName } = tenancy
  const { server, changeId, secrets, settings, digest } = holding
  const { health, release, server: ordered } = lot.entry.blueprint
  const { name: firewall } = firewallSpec(services.settings)
  const agent = agentOf(ids.run)
  return {
    'generate-secrets': { lastsMs: 20, output: { names: Object.keys(secrets) } },
    'ensure-firewall': {
      lastsMs: 240,
      output: { firewallId },
      effects: [
        {
          provider: 'hetzner',
          verb: 'ensureFirewall',
          key: firewall,
          externalId: firewallId,
          summary: { name: firewall, open: 'ssh, http, https, ping' },
        },
      ],
    },
    'create-server': {
      lastsMs: 900,
      output: { serverId: server.id, actionIds: [] },
      effects: [
        {
          provider: 'hetzner',
          verb: 'ensureServer',
          key: serverName,
          externalId: server.id,
          summary: {
            name: serverName,
            serverType: lot.serverType,
            location: lot.location,
            image: ordered.image,
          },
        },
      ],
    },
    'wait-for-server': { lastsMs: 9_400, output: { ipv4: server.ipv4 } },
    'verify-host-key': { lastsMs: 27_300, output: { hostKey: server.hostKey } },
    'rotate-host-key': {
      lastsMs: 800,
      output: { publicKey: server.hostKey },
      effects: [agent('host-key', {}, 'prepare'), agent('host-key', {}, 'activate')],
    },
    'enable-cloud-backups': {
      lastsMs: lot.entry.plan.backups.cloud ? 2_100 : 60,
      output: { enabled: lot.entry.plan.backups.cloud },
      effects: lot.entry.plan.backups.cloud ? [backupsOn(tenancy, server.id)] : [],
    },
    'point-dns': {
      lastsMs: 300,
      output: { changeId, name: hostname, ipv4: server.ipv4 },
      effects: [
        {
          provider: 'route53',
          verb: 'upsertRecord',
          key: `${hostname} A`,
          externalId: changeId,
          summary: { name: hostname, type: 'A', value: server.ipv4 },
        },
      ],
    },
    'wait-for-dns': { lastsMs: 21_600 },
    'deliver-settings': {
      lastsMs: 600,
      output: settings,
      effects: [agent('settings', { settings: settings.names.length })],
    },
    'start-app': { lastsMs: 12_500, output: { release, digest }, effects: [agent('start', { release })] },
    'check-health': { lastsMs: 150, output: { status: health.expectStatus, url: `${url}${health.path}` } },
  }
}

function backupsOn({ serverName: name }: Tenancy, serverId: string): Done {
  const summary = { name, enabled: true }
  return { provider: 'hetzner', verb: 'setBackups', key: serverId, summary, externalId: serverId }
}

function agentOf(runId: string) {
  return (verb: AgentVerb, summary: Done['summary'], part?: string): Done => {
    const key = [runId, verb, part, 0].filter((word) => word !== undefined).join('-')
    return { provider: 'ssh', verb: part ? `${verb} ${part}` : verb, key, summary, externalId: key }
  }
}
