import type { HetznerTwin } from '../hetzner'
import type { ServerRow } from '../hetzner/project'
import { type Html, html } from '../html'
import type { Route53Twin } from '../route53'
import type { World } from '../world'

/** How the control page brings the clouds out of step with Atlas. */
export type DriftControl = {
  world: World
  hetzner: Pick<HetznerTwin, 'seed' | 'seedPrimaryIp' | 'seedSnapshot' | 'lose'>
  route53: Pick<Route53Twin, 'seed' | 'recordSets'>
}

// Atlas takes what is younger than some minutes for its own work under way.
const AGO_MS = 3_600_000
const TTL_SECONDS = 60

/** What can be left behind, by the word that the form sends. */
const STRAYS = {
  server: { label: 'Leave a server behind', make: straysServer },
  record: { label: 'Leave a record behind', make: straysRecord },
  address: { label: 'Leave an address behind', make: straysAddress },
  image: { label: 'Leave an image behind', make: straysImage },
}

export type Stray = keyof typeof STRAYS

/** Whether there is such a stray. */
export function isStray(word: unknown): word is Stray {
  return typeof word === 'string' && Object.hasOwn(STRAYS, word)
}

/** Leaves something behind that looks like Atlas's; null when no tenant has a server yet to take the looks from. */
export function leaveBehind(control: DriftControl, stray: Stray): { name: string } | null {
  const like = control.world
    .table<ServerRow>('hetzner_server')
    .all()
    .findLast(({ labels }) => labels.atlas && labels.tenant)
  if (!like) return null
  const number = control.world.nextNumber('stray')
  return { name: STRAYS[stray].make(control, like, `stray-${number}`, control.world.now() - AGO_MS) }
}

function straysServer({ hetzner }: DriftControl, like: ServerRow, name: string, createdAt: number): string {
  const { serverType: server_type, location, imageId: image } = like
  const labels = { atlas: like.labels.atlas ?? '' }
  hetzner.seed({ name, server_type, location, image, labels }, createdAt)
  return name
}

/** Another name for the latest server. */
function straysRecord(control: DriftControl, like: ServerRow, name: string, createdAt: number): string {
  const { route53, world } = control
  const zone = route53.recordSets().find(({ type }) => type === 'SOA')?.name ?? ''
  const { ip } = world.table<{ id: string; ip: string }>('hetzner_primary_ip').get(like.ipv4Id ?? '') ?? {}
  const record = { name: `${name}.${zone}`, type: 'A', ttl: TTL_SECONDS, values: ip ? [ip] : [] }
  if (ip) route53.seed(record, createdAt)
  return record.name
}

function straysAddress({ hetzner }: DriftControl, like: ServerRow, _: string, createdAt: number): string {
  const { location } = like
  return hetzner.seedPrimaryIp({ location, labels: { atlas: like.labels.atlas ?? '' }, createdAt }).ip
}

function straysImage({ hetzner }: DriftControl, like: ServerRow, name: string, createdAt: number): string {
  const labels = { atlas: like.labels.atlas ?? '', tenant: like.labels.tenant ?? '' }
  hetzner.seedSnapshot({ description: name, serverId: like.id, diskGb: like.diskGb, labels, createdAt })
  return name
}

/** The buttons, for the control page. */
export function driftSection(): Html {
  const buttons = Object.entries(STRAYS).map(
    ([word, { label }]) => html`<button name="stray" value="${word}">${label}</button>`,
  )
  return html`<section id="drift" aria-labelledby="drift-title"><h2 id="drift-title">Drift</h2>
<p>What somebody did behind Atlas’s back. A server can be deleted above. Atlas finds it when it looks, every hour or when asked to.</p>
<form method="post" action="/control/drift" class="row">${buttons}</form></section>`
}
