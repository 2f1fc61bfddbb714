import { KINDS } from '../../reconcile/difference'
import { FINDING_SORTS } from '../../reconcile/findings'
import { REMEDIES } from '../../reconcile/remedy'
import { SOURCES } from '../../reconcile/source'
import { answer, body, inOrder, inPath, list, named, object, query, refused, text, time } from './words'

const findingInPath = inPath('id', 'The finding’s id, `fnd_…`.')
const orNull = (schema: Record<string, unknown>) => ({ anyOf: [schema, { type: 'null' }] })
const flag = (description: string) => ({ type: 'boolean', description })
const count = { type: 'integer' }
const MONEY = object({ amount: { type: 'integer', description: 'Minor units.' }, currency: text('`eur`') })

const LOOK = object({
  id: text('`rcn_…`'),
  status: { enum: ['running', 'complete', 'failed'] },
  started_at: { type: 'integer', description: 'UTC milliseconds.' },
  finished_at: time('When it was over.'),
  counts: { type: 'object', additionalProperties: count, description: 'How many of each thing it saw.' },
  unlisted: list(
    object({
      source: { enum: [...SOURCES] },
      error: text('Why it could not be listed. What was found there before stays as it was.'),
      since: { type: 'integer', description: 'The first look that could not list it, UTC milliseconds.' },
    }),
  ),
  error: orNull(text('Why it failed.')),
})

/** One thing on which a cloud and our rows do not agree. */
export const FINDING = object({
  id: text('`fnd_…`'),
  kind: { enum: [...KINDS] },
  status: { enum: ['open', 'ignored', 'resolved'] },
  title: text('What was found, in words.'),
  would: text('What Atlas would do, or what a person has to.'),
  remedy: orNull({ enum: Object.keys(REMEDIES), description: 'Null when it is for a person.' }),
  deletes: flag('Whether the remedy deletes something.'),
  may_apply: flag('Whether Atlas may act on it now.'),
  confirmed_after: time('From when on a look that sees it again confirms it.'),
  tenant_id: orNull(text('`ten_…`')),
  external_id: orNull(text('The other system’s id.')),
  facts: { type: 'object', description: 'What it is about.' },
  cost_per_month: orNull(MONEY),
  sightings: count,
  first_seen_at: { type: 'integer', description: 'UTC milliseconds.' },
  last_seen_at: { type: 'integer', description: 'UTC milliseconds.' },
  error: orNull(text('What went wrong when it was last acted on.')),
  resolved_at: time('When it was dealt with, or no longer seen.'),
  resolved_by: orNull(text('Who dealt with it; `itself` when it was not seen any more.')),
})

const finding = (words: string) => answer(words, named('Finding'))

/** Drift: looks at the clouds and their findings. */
export const driftPaths = {
  '/api/admin/drift': {
    get: {
      summary: 'List findings, the most urgent kinds first unless sorted',
      parameters: [
        query('status', { enum: ['open', 'ignored', 'resolved'] }),
        query('kind', { enum: [...KINDS] }),
        query('q', text('Part of a name, an address or an id.')),
        ...inOrder(FINDING_SORTS),
        query('page', { type: 'integer', minimum: 1 }),
      ],
      responses: {
        200: answer(
          'One page.',
          object({
            look: orNull(LOOK),
            cost_per_month: list(MONEY),
            cost_unknown: { type: 'integer', description: 'How many cost money whose price is unknown.' },
            findings: list(named('Finding')),
            page: count,
            per_page: count,
            total: count,
          }),
        ),
        ...refused(401),
      },
    },
  },
  '/api/admin/drift/looks': {
    post: {
      summary: 'Look at everything that the clouds hold now',
      requestBody: body(object({ apply: flag('Apply what may be applied now.') }, [])),
      responses: {
        202: answer(
          'It has begun. Follow it at `/api/admin/drift/looks/{id}`.',
          object({ look_id: text('`rcn_…`') }),
        ),
        ...refused(400, 401, 403, 409, 413, 415),
      },
    },
  },
  '/api/admin/drift/looks/{id}': {
    get: {
      summary: 'Show a look',
      parameters: [inPath('id', 'The look’s id, `rcn_…`.')],
      responses: { 200: answer('The look.', LOOK), ...refused(401, 404) },
    },
  },
  '/api/admin/drift/findings/{id}/application': {
    post: {
      summary: 'Do what a finding calls for, after one more look at the thing',
      parameters: [findingInPath],
      responses: { 200: finding('Done.'), ...refused(401, 403, 404, 409, 503) },
    },
  },
  '/api/admin/drift/findings/{id}/exemption': {
    post: {
      summary: 'Ignore a finding',
      parameters: [findingInPath],
      responses: { 200: finding('Ignored.'), ...refused(401, 403, 404, 409) },
    },
    delete: {
      summary: 'Heed a finding again',
      parameters: [findingInPath],
      responses: { 200: finding('Open again.'), ...refused(401, 403, 404, 409) },
    },
  },
  '/api/admin/quotas': {
    get: {
      summary: 'Show how much is used of the clouds’ limits',
      responses: {
        200: answer(
          'The quotas.',
          object({
            quotas: list(
              object({
                name: { enum: ['servers', 'addresses', 'records'] },
                used: count,
                capacity: { type: ['integer', 'null'], description: 'Null while nobody has said.' },
                checked_at: { type: 'integer', description: 'UTC milliseconds.' },
                refused_at: time('When the cloud itself last refused for it.'),
              }),
            ),
            queue: { type: 'integer', description: 'How many new sites wait for room.' },
          }),
        ),
        ...refused(401),
      },
    },
  },
}
