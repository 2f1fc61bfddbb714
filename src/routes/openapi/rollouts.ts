import { RELEASE_SORTS } from '../../releases/release'
import { ROLLOUT_SORTS } from '../../rollouts/report'
import { TARGET_SORTS } from '../../rollouts/target-report'
import { answer, body, inOrder, inPath, list, named, object, query, refused, text, time } from './words'

const count = { type: 'integer' }
const flag = (description: string) => ({ type: 'boolean', description })
const words = { type: ['string', 'null'] }
const at = { type: 'integer', description: 'UTC milliseconds.' }
const ms = (description: string) => ({ type: 'integer', description: `${description} Milliseconds.` })

const MIGRATION = { enum: ['none', 'reversible', 'expand', 'contract'] }
const STATUS = {
  enum: ['running', 'held', 'going_back', 'frozen', 'succeeded', 'stopped', 'rolled_back', 'aborted'],
}
const STATES = [
  ...['waiting', 'deploying', 'succeeded', 'failed', 'skipped', 'set_aside'],
  ...['going_back', 'back', 'stuck'],
]
const COUNTS = object(Object.fromEntries(STATES.map((state) => [state, count])))

/** What a program has looked at before it starts. */
export const DIGESTS = {
  type: 'array',
  items: { type: 'string' },
  description: 'Of its images in the plan; it is refused when the tag stands for others by now.',
}

/** What the API tells of a release that nobody may have got yet. */
export const FORESEEN_RELEASE = {
  blueprint: text('Its name.'),
  tag: text('Of the image.'),
  notes: text('What is new.'),
  migration: MIGRATION,
  backup: flag('Whether each tenant is backed up right before.'),
  images: list(object({ image: text('With its tag.'), digest: text('`sha256:…`') })),
}

/** What the API tells of a release. */
const RELEASE = {
  id: text('`rel_…`'),
  ...FORESEEN_RELEASE,
  created_by: text('Who made it known.'),
  created_at: at,
}

const TENANTS = list(object({ id: text('`ten_…`'), subdomain: text('Its name.'), run_id: words }))

/** A rollout with its waves and what failed. */
export const ROLLOUT = object({
  id: text('`rol_…`'),
  url: text('Its page.'),
  blueprint: text('Its name.'),
  release: text('The tag.'),
  release_id: text('`rel_…`'),
  status: STATUS,
  held_by_itself: flag('Whether it is held until somebody has looked, though nobody has asked for that.'),
  reason: words,
  wave: { type: 'integer', description: 'The present one, from 1.' },
  waves: list(
    object({
      number: count,
      size: count,
      state: { enum: ['waiting', 'active', 'baking', 'done'] },
      counts: COUNTS,
      failed: count,
      bakes_until: time('Until when it is watched.'),
    }),
  ),
  counts: COUNTS,
  total: count,
  failed: { type: 'integer', description: 'How many failed, whatever became of them since.' },
  stop_at: { type: 'integer', description: 'It stops at so many failures.' },
  remaining_ms: { type: ['integer', 'null'], description: 'About how long it still takes.' },
  failures: list(object({ part: words, reason: text('Why.'), count, tenants: TENANTS })),
  set_aside: list(object({ reason: text('Why.'), count })),
  can: object(
    Object.fromEntries(['hold', 'resume', 'abort', 'go_back'].map((verb) => [verb, { type: 'boolean' }])),
  ),
  created_by: text('Who began it.'),
  created_at: at,
  finished_at: time('When it ended.'),
})

const orText = { type: ['integer', 'string'] }
const ASKED = object(
  {
    tag: text('Of the image in the registry.'),
    blueprint: text('Its name; may be left out while only one is sold.'),
    notes: text('What is new.'),
    migration: { ...MIGRATION, description: 'What it does to the data; otherwise as releases.yaml says.' },
    backup: flag(
      'Whether each tenant is backed up first; otherwise only before a release without a way back.',
    ),
    digests: DIGESTS,
    waves: text('Up to where each wave goes: `1 / 5 % / 25 % / 100 %`.'),
    canaries: text('Who is in the first wave: names, or `tag:` and a tag, with commas between them.'),
    concurrency: orText,
    bake_minutes: orText,
    stop_failures: orText,
    stop_percent: orText,
    accepts_no_way_back: flag('Needed for a release without a way back.'),
  },
  ['tag'],
)

const PLAN = object({
  release: object(FORESEEN_RELEASE),
  can_go_back: flag('Whether the former release lives with what this one does to the data.'),
  backup: flag('Whether each tenant is backed up right before.'),
  obstacles: list(text('What keeps it from being started as it is asked for.')),
  already: { type: 'integer', description: 'How many run it already.' },
  stop_at: count,
  takes_ms: ms('About how long it takes.'),
  waves: list(
    object({
      number: { type: 'integer', description: 'From 1.' },
      size: count,
      starts_after_ms: ms('About when it begins, from the start.'),
      deploys_ms: ms('About how long its deploys take.'),
      bake_ms: ms('How long it is watched then.'),
      tenants: list(
        object({
          id: text('`ten_…`'),
          subdomain: text('Its name.'),
          former_release: text('What it runs now.'),
          is_canary: { type: 'boolean' },
        }),
      ),
    }),
  ),
  set_aside: list(object({ id: text('`ten_…`'), subdomain: text('Its name.'), reason: text('Why.') })),
})

const page = (rows: Record<string, ReturnType<typeof list>>) =>
  answer('One page.', object({ ...rows, page: count, per_page: count, total: count }))
const pageQuery = query('page', { type: 'integer', minimum: 1 })
const rolloutInPath = inPath('id', 'The rollout’s id, `rol_…`.')
const asked = refused(400, 401, 403, 404, 409, 413, 415, 422, 503)

const verb = (summary: string) => ({
  post: {
    summary,
    parameters: [rolloutInPath],
    responses: { 200: answer('Done.', named('Rollout')), ...refused(401, 403, 404, 409) },
  },
})

const header = (name: string) => ({ name, in: 'header', required: true, schema: { type: 'string' } })

/** Releases, and rollouts to the whole fleet. */
export const rolloutPaths = {
  '/api/github/webhook': {
    post: {
      summary: 'Receive a push from GitHub',
      security: [],
      parameters: ['X-Hub-Signature-256', 'X-GitHub-Delivery', 'X-GitHub-Event'].map(header),
      requestBody: body({ type: 'object' }),
      responses: {
        200: answer(
          'Stored, also when it is not meant.',
          object({ received: { const: true }, accepted: flag('Whether a rollout follows from it.') }),
        ),
        400: answer('It does not verify.', named('Error')),
        ...refused(404, 413, 415),
      },
    },
  },
  '/api/admin/releases': {
    get: {
      summary: 'List a blueprint’s releases, newest first unless sorted',
      parameters: [
        query('blueprint', { type: 'string' }),
        query('q', text('Part of the tag or of the notes.')),
        query('data', MIGRATION),
        ...inOrder(RELEASE_SORTS),
        pageQuery,
      ],
      responses: {
        200: page({ releases: list(object({ ...RELEASE, tenants: count })) }),
        ...refused(401, 404, 422),
      },
    },
  },
  '/api/admin/deploy': {
    post: {
      summary: 'Roll a release out to the fleet',
      requestBody: body(ASKED),
      responses: {
        202: answer(
          'Begun. Follow it at `/api/admin/rollouts/{id}`.',
          object({ rollout_id: text('`rol_…`'), release_id: text('`rel_…`') }),
        ),
        ...asked,
      },
    },
  },
  '/api/admin/deploy/plan': {
    post: {
      summary: 'Say what a rollout would do, and do nothing',
      description:
        'The tag is looked up in the registry, and nothing is kept. Whatever the same request would be refused for is an obstacle.',
      requestBody: body(ASKED),
      responses: { 200: answer('Who would get it, and when.', PLAN), ...asked },
    },
  },
  '/api/admin/rollouts': {
    get: {
      summary: 'List rollouts, newest first unless sorted',
      parameters: [
        query('q', { type: 'string' }),
        query('status', STATUS),
        ...inOrder(ROLLOUT_SORTS),
        pageQuery,
      ],
      responses: {
        200: page({
          rollouts: list(
            object({
              id: text('`rol_…`'),
              blueprint: text('Its name.'),
              release: text('The tag.'),
              status: STATUS,
              reason: words,
              settled: { type: 'integer', description: 'How many tenants have nothing more to come.' },
              total: count,
              failed: count,
              created_by: text('Who began it.'),
              created_at: at,
              finished_at: time('When it ended.'),
            }),
          ),
        }),
        ...refused(401),
      },
    },
  },
  '/api/admin/rollouts/{id}': {
    get: {
      summary: 'Show a rollout',
      parameters: [rolloutInPath],
      responses: { 200: answer('The rollout.', named('Rollout')), ...refused(401, 404) },
    },
  },
  '/api/admin/rollouts/{id}/targets': {
    get: {
      summary: 'List a rollout’s tenants, in its order unless sorted',
      parameters: [
        rolloutInPath,
        query('q', { type: 'string' }),
        query('state', { enum: [...STATES, 'ever_failed'] }),
        ...inOrder(TARGET_SORTS),
        pageQuery,
      ],
      responses: {
        200: page({
          targets: list(
            object({
              tenant_id: text('`ten_…`'),
              subdomain: text('Its name.'),
              wave: { type: 'integer', description: 'From 1.' },
              state: { enum: STATES },
              former_release: text('What it ran before.'),
              failed_part: words,
              reason: words,
              run_id: words,
              updated_at: at,
            }),
          ),
        }),
        ...refused(401, 404),
      },
    },
  },
  '/api/admin/rollouts/{id}/targets/{tenant}/skip': {
    post: {
      ...verb('Leave out a tenant that has not begun').post,
      parameters: [rolloutInPath, inPath('tenant', 'The tenant’s id, `ten_…`.')],
    },
  },
  '/api/admin/rollouts/{id}/hold': verb('Begin nothing more until it is resumed'),
  '/api/admin/rollouts/{id}/resumption': verb('Go on'),
  '/api/admin/rollouts/{id}/abortion': verb('End it where it stands; every tenant keeps what it has'),
  '/api/admin/rollouts/{id}/way-back': verb('Take the release back from everybody who got it'),
}
