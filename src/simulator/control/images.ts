import * as v from 'valibot'
import { type Html, html } from '../html'
import type { RegistryTwin } from '../registry'
import { BEHAVIOURS, MIGRATIONS, type Publication } from '../registry/images'
import { badge, empty, table } from './layout'

/** How the control page reaches the registry. */
export type ImageControl = { registry: Pick<RegistryTwin, 'publish' | 'hide' | 'list'> }

type Published = ReturnType<RegistryTwin['list']>[number]

const IMAGE = /^([a-z0-9]+(?:[._/-]+[a-z0-9]+)*):([A-Za-z0-9_][A-Za-z0-9_.-]{0,127})$/
const MIGRATION_WORDS = {
  none: 'leaves the data alone',
  reversible: 'can be taken back',
  expand: 'adds what the former release lives with',
  contract: 'leaves no way back',
} as const

const Form = v.object({
  image: v.pipe(v.string(), v.trim(), v.regex(IMAGE)),
  behaviour: v.optional(v.picklist(Object.keys(BEHAVIOURS) as (keyof typeof BEHAVIOURS)[]), 'good'),
  migration: v.optional(v.picklist(MIGRATIONS), 'none'),
})

/** Reads what is to be published; null when it is malformed. */
export function readPublication(fields: Record<string, unknown>): Publication | null {
  const form = v.safeParse(Form, fields)
  if (!form.success) return null
  const { image, ...kind } = form.output
  const [, repository = '', tag = ''] = IMAGE.exec(image) ?? []
  return { repository, tag, ...kind }
}

/** What the registry has, for the control page. */
export function imagesTable(images: Published[]): Html {
  if (images.length === 0) return empty('No image was published yet: every tag is a release that does well.')
  const rows = images
    .toReversed()
    .map(
      ({ image, digest, behaviour }) =>
        html`<tr><th scope="row"><code>${image}</code></th><td>${badge(behaviour.replaceAll('_', ' '))}</td><td><code>${digest.slice(0, 19)}…</code></td></tr>`,
    )
  return table(['Image', 'What it does', 'Digest'], rows)
}

/** The form that publishes another one. */
export function publishForm(images: Published[]): Html {
  const repository = images.at(-1)?.image.replace(/:[^:]*$/, '') ?? 'owner/app'
  return html`<form method="post" action="/control/images" class="row">
<label for="image">Publish</label><input id="image" name="image" value="${repository}:" required pattern="[a-z0-9._/\\-]+:[A-Za-z0-9_.\\-]+" autocomplete="off">
<label for="behaviour">An app that</label><select id="behaviour" name="behaviour">${options(BEHAVIOURS)}</select>
<label for="migration">Its migration</label><select id="migration" name="migration">${options(MIGRATION_WORDS)}</select>
<button>Publish</button></form>`
}

function options(words: Record<string, string>): Html {
  return html`${Object.entries(words).map(([value, label]) => html`<option value="${value}">${label}</option>`)}`
}
