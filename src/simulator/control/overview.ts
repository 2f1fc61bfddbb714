import { type Html, html } from '../html'
import { driftSection } from './drift'
import { imagesTable, publishForm } from './images'
import { badge, count, empty, layout, table } from './layout'
import { type MachineView, movesFor } from './machines'
import type { MoneyMove } from './money'
import type { ControlState } from './state'

type Server = ControlState['servers'][number]

/** Of each list on the page. */
const ROWS_MAX = 50

const JUMPS: [label: string, ms: number][] = [
  ['+1 min', 60_000],
  ['+1 h', 3_600_000],
  ['+1 day', 86_400_000],
  ['+1 week', 7 * 86_400_000],
]

/** The page at `/`: what runs where, and everything that the simulated clouds hold. */
export function overviewPage(state: ControlState): Response {
  return layout(
    { title: 'Overview', current: '/' },
    html`<h1>Simulated clouds</h1>
${addresses(state)}
${clock(state)}
<section id="servers" aria-labelledby="servers-title"><h2 id="servers-title">Servers</h2><div id="servers-live" data-live>${servers(state.servers)}</div></section>
<section id="records" aria-labelledby="records-title"><h2 id="records-title">DNS records</h2><div id="records-live" data-live>${records(state)}</div></section>
<section id="kept" aria-labelledby="kept-title"><h2 id="kept-title">Backups and images</h2><div id="kept-live" data-live>${kept(state)}</div></section>
<section id="images" aria-labelledby="images-title"><h2 id="images-title">Images</h2><div id="images-live" data-live>${imagesTable(state.published)}</div>${publishForm(state.published)}</section>
<section id="money" aria-labelledby="money-title"><h2 id="money-title">Subscriptions</h2><div id="money-live" data-live>${subscriptions(state)}</div></section>
${webhooks(state)}
${driftSection()}`,
  )
}

function addresses({ addresses }: ControlState): Html {
  const cards = addresses.map(
    ({ name, url, purpose }) =>
      html`<li><a href="${url}" target="_blank" rel="noreferrer"><strong>${name}</strong></a><span class="quiet">${purpose}</span><code>${url}</code></li>`,
  )
  return html`<section aria-labelledby="where-title"><h2 id="where-title">What runs where</h2><ul class="cards">${cards}</ul></section>`
}

function clock({ now, speed, mails, faults, calls }: ControlState): Html {
  const jumps = JUMPS.map(([label, ms]) => html`<button name="advance_ms" value="${ms}">${label}</button>`)
  return html`<section id="clock" aria-labelledby="clock-title"><h2 id="clock-title">Clock</h2>
<div id="clock-live" data-live><p class="clock"><time datetime="${now}">${now.slice(0, 10)} ${now.slice(11, 19)}</time> UTC
<span class="quiet">${speed === 1 ? 'at real speed' : `clouds are ${speed} times as fast`}</span></p>
<ul class="facts"><li><a href="/mailbox">${count(mails, 'mail')}</a></li><li><a href="/control/faults">${count(faults.length, 'fault')} set</a></li><li><a href="/control/calls">${count(calls.length, 'recent call')}</a></li></ul></div>
<form method="post" action="/control/clock" class="row"><span>Move the time forward</span>${jumps}</form></section>`
}

function servers(list: Server[]): Html {
  if (list.length === 0) return empty('No server yet. One appears when a paid signup is approved.')
  const rows = newest(list).map(
    (
      server,
    ) => html`<tr><th scope="row">${server.name}<span class="quiet">${server.type}, ${server.location}</span></th>
<td>${badge(server.status)}${server.actions.map(progress)}</td>
<td>${server.machine ? badge(server.machine.state) : badge('absent')}<span class="quiet">${app(server)}</span></td>
<td><code class="whole">${server.machine?.ipv4}</code></td>
<td><div class="row">${server.machine ? machineActions(server, server.machine) : null}${loss(server)}</div></td></tr>`,
  )
  return html`${table(['Server', 'Hetzner says', 'Machine', 'Address', 'Make trouble'], rows)}${rest(list)}`
}

function progress(action: Server['actions'][number]): Html {
  return html`<label class="progress"><span class="quiet">${action.command.replaceAll('_', ' ')}</span><progress max="100" value="${action.progress}">${action.progress} %</progress></label>`
}

function app({ machine }: Server): string {
  if (!machine || machine.app.state === 'absent') return 'no app yet'
  return `app ${machine.app.state} ${machine.app.release ?? ''}`
}

function machineActions({ id, name }: Server, machine: MachineView): Html {
  const forms = movesFor(machine).map(
    ([label, move]) =>
      html`<form method="post" action="/control/machines/${id}/${move}"><button aria-label="${label}: ${name}">${label}</button></form>`,
  )
  return html`${forms}`
}

function loss({ id, name }: Server): Html {
  return html`<form method="post" action="/control/servers/${id}/loss"><button aria-label="Delete: ${name}, behind Atlas’s back">Delete</button></form>`
}

function records({ records }: ControlState): Html {
  if (records.length === 0) return empty('No record yet. One appears when a server has its address.')
  const rows = records
    .slice(0, ROWS_MAX)
    .map(
      (record) =>
        html`<tr><th scope="row"><code>${record.name}</code></th><td>${record.type}</td><td><code>${record.values.join(' ')}</code></td><td>${record.ttl} s</td><td>${badge(record.insync ? 'insync' : 'pending')}</td></tr>`,
    )
  return html`${table(['Name', 'Type', 'Values', 'TTL', 'Name servers'], rows)}${rest(records)}`
}

function kept({ images, objects }: ControlState): Html {
  const rows = [
    ...newest(objects).map(({ key, sizeBytes }) => keptRow('S3 object', key, `${sizeBytes} bytes`)),
    ...newest(images).map(({ id, type, description }) => keptRow(`Hetzner ${type}`, description, id)),
  ]
  if (rows.length === 0) return empty('No backup yet.')
  return html`${table(['Kind', 'Name', 'Size or id'], rows)}${rest(objects)}`
}

function keptRow(kind: string, name: string, fact: string): Html {
  return html`<tr><th scope="row">${kind}</th><td><code>${name}</code></td><td>${fact}</td></tr>`
}

function subscriptions({ subscriptions }: ControlState): Html {
  if (subscriptions.length === 0) return empty('Nobody has paid yet.')
  const rows = newest(subscriptions).map(
    (one) =>
      html`<tr><th scope="row">${one.customer}</th><td><code>${one.price}</code></td><td>${badge(one.status)}${one.cardDeclines ? html`<span class="quiet">card declines</span>` : null}</td><td><code>${one.id}</code></td><td>${moneyActions(one)}</td></tr>`,
  )
  return html`${table(['Customer', 'Price', 'Status', 'Subscription', 'Let happen'], rows)}${rest(subscriptions)}`
}

const MOVES: [label: string, move: MoneyMove][] = [
  ['Renew now', 'renewal'],
  ['Pay', 'payment'],
  ['Let the card decline', 'decline'],
  ['Cancel', 'cancellation'],
]

function moneyActions({ id, status, customer }: ControlState['subscriptions'][number]): Html | null {
  if (status === 'canceled') return null
  const forms = MOVES.map(
    ([label, move]) =>
      html`<form method="post" action="/control/subscriptions/${id}/${move}"><button aria-label="${label}: ${customer}">${label}</button></form>`,
  )
  return html`<div class="row">${forms}</div>`
}

/** A page that follows a fleet must stay small; `/control/state.json` has everything. */
function newest<T>(list: T[]): T[] {
  return list.slice(-ROWS_MAX).reverse()
}

function rest(list: unknown[]): Html | null {
  if (list.length <= ROWS_MAX) return null
  return html`<p class="quiet">${ROWS_MAX} of ${list.length.toLocaleString('en-US')} are shown; <a href="/control/state.json">all as JSON</a>.</p>`
}

function webhooks({ webhooks: { waiting, disorder } }: ControlState): Html {
  return html`<section id="webhooks" aria-labelledby="webhooks-title"><h2 id="webhooks-title">Webhooks</h2>
<div id="webhooks-live" data-live><p>${count(waiting, 'webhook')} on the way. ${disorder ? 'They arrive late, out of order and some twice.' : 'They arrive in order.'}</p></div>
<form method="post" action="/control/webhooks" class="row"><button name="disorder" value="${disorder ? 'off' : 'on'}">${disorder ? 'Put them in order' : 'Shuffle and repeat them'}</button></form></section>`
}
