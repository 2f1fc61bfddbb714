import { type Html, html } from '../html'
import { badge, count, empty, layout, moment } from './layout'
import type { ControlState } from './state'

type Call = ControlState['calls'][number]

const BODY_SHOWN_MAX = 4000

/** The last calls as they went over the wire, newest first. */
export function callsPage(calls: Call[]): Response {
  const list = calls.length === 0 ? empty('No call yet.') : html`<ol class="calls">${calls.map(call)}</ol>`
  return layout(
    { title: 'Calls', current: '/control/calls' },
    html`<h1>Calls</h1><div id="calls-live" data-live><p class="quiet">The last ${count(calls.length, 'call')} to the simulated clouds, newest first. Open one to read what was said.</p>${list}</div>`,
  )
}

function call(exchange: Call): Html {
  const status = exchange.status === 0 ? 'lost' : String(exchange.status)
  return html`<li><details><summary>${moment(exchange.at)}<strong>${exchange.provider}</strong><span>${exchange.verb}</span>${badge(status)}</summary>
<p><code>${exchange.method} ${exchange.path}</code></p>${body('Asked', exchange.requestBody)}${body('Answered', exchange.responseBody)}</details></li>`
}

function body(title: string, text: string): Html | null {
  if (text === '') return null
  return html`<h2>${title}</h2><pre tabindex="0">${text.slice(0, BODY_SHOWN_MAX)}${text.length > BODY_SHOWN_MAX ? ' …' : ''}</pre>`
}
