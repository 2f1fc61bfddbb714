import * as v from 'valibot'
import { nameTaken, notFound, parse, Refusal, timestamp } from './answers'
import { labelSelector, labelSelectorOf, labelsSchema } from './labels'
import { listAnswer, oneOf } from './lists'
import type { FirewallRow, FirewallRule, Project, ServerRow } from './project'
import type { Route } from './routes'

const FIRST_ID = 2_000_001
const RULES_MAX = 50
const APPLY_MS = 2_000

const ips = v.optional(
  v.array(v.pipe(v.string(), v.regex(/^[0-9a-fA-F.:]+\/\d{1,3}$/, 'must be in CIDR notation'))),
  [],
)

const rule = v.pipe(
  v.object({
    direction: v.picklist(['in', 'out']),
    protocol: v.picklist(['tcp', 'udp', 'icmp', 'esp', 'gre']),
    port: v.optional(v.pipe(v.string(), v.regex(/^(any|\d{1,5}(-\d{1,5})?)$/, 'invalid port')), undefined),
    source_ips: ips,
    destination_ips: ips,
    description: v.optional(v.nullable(v.pipe(v.string(), v.maxLength(255))), null),
  }),
  v.check(
    ({ direction, source_ips, destination_ips }) =>
      direction === 'in' ? source_ips.length > 0 : destination_ips.length > 0,
    'a rule needs the addresses of its direction',
  ),
  v.check(
    ({ protocol, port }) => (protocol === 'tcp' || protocol === 'udp') === (port !== undefined),
    'tcp and udp need a port, others take none',
  ),
)

const rules = v.pipe(v.array(rule), v.maxLength(RULES_MAX))
const resource = v.variant('type', [
  v.object({ type: v.literal('server'), server: v.object({ id: v.number() }) }),
  v.object({ type: v.literal('label_selector'), label_selector: v.object({ selector: v.string() }) }),
])
type Resource = v.InferOutput<typeof resource>

const newFirewall = v.object({
  name: v.pipe(v.string(), v.minLength(1)),
  labels: v.optional(labelsSchema, {}),
  rules: v.optional(rules, []),
  apply_to: v.optional(v.array(resource), []),
})

const changedFirewall = v.object({
  name: v.optional(v.pipe(v.string(), v.minLength(1))),
  labels: v.optional(labelsSchema),
})

/** Firewalls, their rules, and the servers that they are applied to. */
export function firewallRoutes(project: Project): Route[] {
  const show = (row: FirewallRow) => Response.json({ firewall: wireFirewall(project, row) })
  return [
    { method: 'GET', path: '/firewalls', answer: ({ url }) => listFirewalls(project, url) },
    { method: 'POST', path: '/firewalls', answer: ({ body }) => createFirewall(project, body) },
    { method: 'GET', path: '/firewalls/{id}', answer: ({ id }) => show(mustGet(project, id)) },
    {
      method: 'PUT',
      path: '/firewalls/{id}',
      answer: ({ id, body }) => show(changeFirewall(project, mustGet(project, id), body)),
    },
    {
      method: 'DELETE',
      path: '/firewalls/{id}',
      answer: ({ id }) => deleteFirewall(project, mustGet(project, id)),
    },
    {
      method: 'POST',
      path: '/firewalls/{id}/actions/set_rules',
      answer: ({ id, body }) => setRules(project, mustGet(project, id), body),
    },
  ]
}

function listFirewalls(project: Project, url: URL): Response {
  const named = oneOf(url, 'name')
  const selects = labelSelectorOf(url)
  const rows = project.listed.firewalls.filter((row) => named(row.name) && selects(row.labels))
  return listAnswer('firewalls', rows, url, (row) => wireFirewall(project, row))
}

function createFirewall(project: Project, body: unknown): Response {
  const { name, labels, rules, apply_to } = parse(newFirewall, body)
  if (project.firewalls.find((row) => row.name === name)) throw nameTaken('firewall')
  const servers = apply_to.flatMap((one) => serverOf(project, one))
  const row = project.firewalls.put({
    id: project.nextId('firewall', FIRST_ID),
    name,
    labels,
    rules: rules.map(storedRule),
    selectors: apply_to.flatMap((one) => (one.type === 'label_selector' ? one.label_selector.selector : [])),
    createdAt: project.world.now(),
  })
  for (const server of servers) {
    project.servers.put({ ...server, firewallIds: [...server.firewallIds, row.id] })
  }
  const actions = appliedRules(project, row)
  return Response.json({ firewall: wireFirewall(project, row), actions }, { status: 201 })
}

function changeFirewall({ firewalls }: Project, row: FirewallRow, body: unknown): FirewallRow {
  const { name = row.name, labels = row.labels } = parse(changedFirewall, body)
  if (firewalls.find((other) => other.id !== row.id && other.name === name)) throw nameTaken('firewall')
  return firewalls.put({ ...row, name, labels })
}

function deleteFirewall(project: Project, row: FirewallRow): Response {
  if (serversBehind(project, row).length > 0) {
    throw new Refusal('resource_in_use', 'firewall is still applied to a resource')
  }
  project.firewalls.delete(row.id)
  return new Response(null, { status: 204 })
}

function setRules(project: Project, row: FirewallRow, body: unknown): Response {
  const changed = parse(v.object({ rules }), body)
  project.firewalls.put({ ...row, rules: changed.rules.map(storedRule) })
  return Response.json({ actions: appliedRules(project, row) }, { status: 201 })
}

function serverOf(project: Project, wanted: Resource): ServerRow[] {
  if (wanted.type === 'label_selector') return []
  const server = project.servers.get(String(wanted.server.id))
  if (!server) throw new Refusal('firewall_resource_not_found', 'firewall resource not found')
  return [server]
}

/** The firewalls that a new server names. */
export function findFirewalls(project: Project, ids: number[]): FirewallRow[] {
  return ids.map((id) => mustGet(project, String(id)))
}

/** All firewalls that protect a server: those it names, and those whose selector meets its labels. */
export function firewallsOf(project: Project, server: ServerRow): FirewallRow[] {
  return project.firewalls.all().filter((row) => protects(row, server))
}

function serversBehind(project: Project, row: FirewallRow): ServerRow[] {
  return project.servers.all().filter((server) => protects(row, server))
}

const protects = (row: FirewallRow, server: ServerRow) =>
  server.firewallIds.includes(row.id) || row.selectors.some((s) => labelSelector(s)?.(server.labels))

/** The actions that rules bring with them: they are set, and applied to every server behind the firewall. */
function appliedRules(project: Project, row: FirewallRow) {
  const servers = serversBehind(project, row)
  return [
    apply(project, row, 'set_firewall_rules'),
    ...servers.map((server) => apply(project, row, 'apply_firewall', server)),
  ]
}

function apply(project: Project, row: FirewallRow, command: string, server?: ServerRow) {
  const resources = [
    { id: Number(row.id), type: 'firewall' },
    ...(server ? [{ id: Number(server.id), type: 'server' }] : []),
  ]
  return project.actions.wire(
    project.actions.begin({ command, serverId: null, resources, lastsMs: APPLY_MS }),
  )
}

function mustGet(project: Project, id: string): FirewallRow {
  const row = project.firewalls.get(id)
  if (!row) throw notFound('firewall', id)
  return row
}

const storedRule = (wire: v.InferOutput<typeof rule>): FirewallRule => ({ ...wire, port: wire.port ?? null })

function wireFirewall(project: Project, row: FirewallRow) {
  const resource = (server: ServerRow) => ({ type: 'server', server: { id: Number(server.id) } })
  const named = project.servers.all().filter((server) => server.firewallIds.includes(row.id))
  const selected = row.selectors.map((selector) => ({
    type: 'label_selector',
    label_selector: { selector },
    applied_to_resources: project.servers
      .all()
      .filter((s) => labelSelector(selector)?.(s.labels))
      .map(resource),
  }))
  return {
    id: Number(row.id),
    name: row.name,
    labels: row.labels,
    created: timestamp(row.createdAt),
    rules: row.rules,
    applied_to: [...named.map(resource), ...selected],
  }
}
