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
function tracesOf(ground: Ground, tenancy: Tenancy, holding: Holding): Record<string, Trace> {
  return {
    ...serverTraces(ground, tenancy, holding),
    ...nameTraces(tenancy, holding),
    ...appTraces(tenancy, holding),
  }
}

function serverTraces(
  { services, firewallId }: Ground,
  { lot, ids, serverName }: Tenancy,
  { server, secrets }: Holding,
): Record<string, Trace> {
  const { name: firewall } = firewallSpec(services.settings)
  const { serverType, location } = lot
  const { image } = lot.entry.blueprint.server
  const { cloud: enabled } = lot.entry.plan.backups
  const agent = agentOf(ids.run)
  return {
    'generate-secrets': { lastsMs: 20, output: { names: Object.keys(secrets) } },
    'ensure-firewall': {
      lastsMs: 240,
      output: { firewallId },
      effects: [
        atHetzner('ensureFirewall', firewall, firewallId, {
          name: firewall,
          open: 'ssh, http, https, ping',
        }),
      ],
    },
    'create-server': {
      lastsMs: 900,
      output: { serverId: server.id, actionIds: [] },
      effects: [
        atHetzner('ensureServer', serverName, server.id, { name: serverName, serverType, location, image }),
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
      lastsMs: enabled ? 2_100 : 60,
      output: { enabled },
      effects: enabled ? [atHetzner('setBackups', server.id, server.id, { name: serverName, enabled })] : [],
    },
  }
}

function nameTraces({ hostname: name }: Tenancy, { server, changeId }: Holding): Record<string, Trace> {
  const pointed: Done = {
    provider: 'route53',
    verb: 'upsertRecord',
    key: `${name} A`,
    externalId: changeId,
    summary: { name, type: 'A', value: server.ipv4 },
  }
  return {
    'point-dns': { lastsMs: 300, output: { changeId, name, ipv4: server.ipv4 }, effects: [pointed] },
    'wait-for-dns': { lastsMs: 21_600 },
  }
}

function appTraces({ lot, ids, url }: Tenancy, { settings, digest }: Holding): Record<string, Trace> {
  const { health, release } = lot.entry.blueprint
  const agent = agentOf(ids.run)
  return {
    'deliver-settings': {
      lastsMs: 600,
      output: settings,
      effects: [agent('settings', { settings: settings.names.length })],
    },
    'start-app': { lastsMs: 12_500, output: { release, digest }, effects: [agent('start', { release })] },
    'check-health': { lastsMs: 150, output: { status: health.expectStatus, url: `${url}${health.path}` } },
  }
}

function atHetzner(verb: string, key: string, externalId: string, summary: Done['summary']): Done {
  return { provider: 'hetzner', verb, key, externalId, summary }
}

function agentOf(runId: string) {
  return (verb: AgentVerb, summary: Done['summary'], part?: string): Done => {
    const key = [runId, verb, part, 0].filter((word) => word !== undefined).join('-')
    return { provider: 'ssh', verb: part ? `${verb} ${part}` : verb, key, summary, externalId: key }
  }
}
