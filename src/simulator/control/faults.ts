import * as v from 'valibot'
import type { Fault } from '../faults'
import { type Html, html } from '../html'
import { badge, empty, layout, table } from './layout'

const PROVIDERS = ['stripe', 'hetzner', 'route53', 'resend', 's3', 'registry', 'machine'] as const
const KINDS = {
  refuse: 'refuse: an error, nothing happens',
  timeout: 'time out: no answer ever',
  lose_reply: 'lose the reply: it happens, the answer does not arrive',
  slow: 'slow: it takes longer',
  duplicate: 'duplicate: it happens twice (not at a machine)',
  drop: 'drop: the connection breaks in the middle of a command, which goes on (at a machine)',
} as const
// What is offered while typing; any verb that the page of calls shows will do.
const VERBS = [
  '*',
  'webhook',
  'POST /checkout/sessions',
  'POST /servers',
  'GET /actions',
  'DELETE /servers/{id}',
  'ChangeResourceRecordSets',
  'GetChange',
  'POST /emails',
  'connect',
  'host-key',
  'settings',
  'start',
  'backup',
  'restore',
  'rotate',
  'deploy',
  'http',
  'PutObject',
  'GetObject',
  'GET manifests',
  'GET token',
  'pull',
]

const whole = (min: number, max: number, message: string) =>
  v.pipe(
    v.union(
      [v.pipe(v.string(), v.regex(/^\d{1,9}$/, message), v.transform(Number)), v.number(message)],
      message,
    ),
    v.integer(message),
    v.minValue(min, message),
    v.maxValue(max, message),
  )

const blank = <T extends v.GenericSchema>(schema: T) =>
  v.optional(
    v.union([
      v.pipe(
        v.literal(''),
        v.transform(() => undefined),
      ),
      schema,
    ]),
  )

const FaultFields = v.object({
  provider: v.picklist(PROVIDERS, 'Choose one of the providers.'),
  verb: v.pipe(
    v.string('Name a verb, or * for all.'),
    v.trim(),
    v.regex(/^[^\r\n]{1,100}$/, 'Name a verb, or * for all.'),
  ),
  kind: v.picklist(Object.keys(KINDS) as (keyof typeof KINDS)[], 'Choose what goes wrong.'),
  times: v.optional(whole(1, 1000, 'Between 1 and 1000 times.'), 1),
  delay_ms: blank(whole(0, 3_600_000, 'Between 0 and 3600000 milliseconds.')),
  status: blank(whole(400, 599, 'An HTTP status from 400 to 599.')),
  code: blank(v.pipe(v.string(), v.regex(/^[\w.-]{1,60}$/, 'Letters, digits, dot, dash and underscore.'))),
})

const FaultInput = v.pipe(
  FaultFields,
  v.forward(
    v.partialCheck(
      [['provider'], ['kind']],
      ({ provider, kind }) => !(provider === 'machine' && kind === 'duplicate'),
      'A connection to a machine carries nothing twice. Choose something else.',
    ),
    ['kind'],
  ),
  v.forward(
    v.partialCheck(
      [['provider'], ['kind']],
      ({ provider, kind }) => provider === 'machine' || kind !== 'drop',
      'Only a command at a machine has a middle. Choose something else.',
    ),
    ['kind'],
  ),
)

export type Problems = Record<string, string>
export type Fields = Record<string, unknown>

/** Reads a fault from a form or a JSON body; answers what is wrong by field name otherwise. */
export function readFault(fields: Fields): { fault: Omit<Fault, 'id'> } | { problems: Problems } {
  const result = v.safeParse(FaultInput, fields)
  if (!result.success) {
    const nested = v.flatten(result.issues).nested ?? {}
    return {
      problems: Object.fromEntries(Object.entries(nested).map(([field, all]) => [field, all?.[0] ?? ''])),
    }
  }
  const { delay_ms: delayMs, ...fault } = result.output
  return { fault: { ...fault, delayMs } as Omit<Fault, 'id'> }
}

/** The form that sets a fault, with what was typed and what is wrong with it, and the faults that are set. */
export function faultsPage(faults: Fault[], fields: Fields = {}, problems: Problems = {}): Response {
  const status = Object.keys(problems).length > 0 ? 422 : 200
  return layout(
    { title: 'Faults', current: '/control/faults', status },
    html`<h1>Faults</h1>
<section aria-labelledby="set-title"><h2 id="set-title">Waiting to strike</h2><div id="faults-live" data-live>${list(faults)}</div></section>
<section aria-labelledby="new-title"><h2 id="new-title">Make something go wrong</h2>${form(fields, problems)}</section>`,
  )
}

function list(faults: Fault[]): Html {
  if (faults.length === 0) return empty('Nothing goes wrong at the moment.')
  const rows = faults.map(
    (
      fault,
    ) => html`<tr><th scope="row">${fault.provider}</th><td><code>${fault.verb}</code></td><td>${badge(fault.kind.replaceAll('_', ' '))}</td><td>${fault.times}</td><td>${details(fault)}</td>
<td><form method="post" action="/control/faults/${fault.id}/removal"><button aria-label="Remove the fault at ${fault.provider}, ${fault.verb}">Remove</button></form></td></tr>`,
  )
  return table(['Provider', 'Verb', 'What', 'Times left', 'Details', 'Undo'], rows)
}

function details({ delayMs, status, code }: Fault): string {
  return [delayMs !== undefined && `${delayMs} ms`, status, code].filter(Boolean).join(', ')
}

function form(fields: Fields, problems: Problems): Html {
  const providers = PROVIDERS.map((name) => option(name, name, fields.provider))
  const kinds = Object.entries(KINDS).map(([kind, words]) => option(kind, words, fields.kind))
  const verbs = VERBS.map((verb) => html`<option value="${verb}"></option>`)
  return html`<form method="post" action="/control/faults" class="fields">
${field('provider', 'Provider', problems, (attributes) => html`<select ${attributes}>${providers}</select>`)}
${field('verb', 'Verb, * for all', problems, (attributes) => html`<input ${attributes} list="verbs" value="${text(fields.verb ?? '*')}"><datalist id="verbs">${verbs}</datalist>`)}
${field('kind', 'What happens', problems, (attributes) => html`<select ${attributes}>${kinds}</select>`)}
${field('times', 'How many times', problems, (attributes) => html`<input ${attributes} type="number" min="1" max="1000" value="${text(fields.times ?? 1)}">`)}
${field('delay_ms', 'Delay in milliseconds (slow)', problems, (attributes) => html`<input ${attributes} type="number" min="0" max="3600000" value="${text(fields.delay_ms)}">`)}
${field('status', 'HTTP status (refuse)', problems, (attributes) => html`<input ${attributes} type="number" min="400" max="599" value="${text(fields.status)}">`)}
${field('code', "Vendor's error code (refuse)", problems, (attributes) => html`<input ${attributes} value="${text(fields.code)}">`)}
<button class="primary">Set the fault</button></form>`
}

function field(name: string, label: string, problems: Problems, control: (attributes: Html) => Html): Html {
  const problem = problems[name]
  const attributes = problem
    ? html`id="${name}" name="${name}" aria-invalid="true" aria-describedby="${name}-problem"`
    : html`id="${name}" name="${name}"`
  const message = problem ? html`<p class="problem" id="${name}-problem">${problem}</p>` : null
  return html`<div class="field"><label for="${name}">${label}</label>${control(attributes)}${message}</div>`
}

function option(value: string, words: string, chosen: unknown): Html {
  return html`<option value="${value}"${value === chosen ? html` selected` : null}>${words}</option>`
}

function text(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
}
