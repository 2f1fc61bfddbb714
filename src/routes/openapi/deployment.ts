import { DIGESTS, FORESEEN_RELEASE } from './rollouts'
import { answer, body, list, object, refused, tenantInPath, text } from './words'

const ASKED = object(
  {
    tag: text('Of the app’s image, such as `v43`.'),
    notes: text('What is new.'),
    migration: {
      enum: ['none', 'reversible', 'expand', 'contract'],
      description:
        'What it does to the data; may be left out when the release is known or its blueprint says so.',
    },
    backup: { type: 'boolean', description: 'Whether tenants are backed up right before.' },
    digests: DIGESTS,
    accepts_no_way_back: {
      type: 'boolean',
      description: 'Whether it may be started although there is no way back.',
    },
  },
  ['tag'],
)

const PLAN = object({
  release: object(FORESEEN_RELEASE),
  way: {
    enum: ['forward', 'back'],
    description: '`back`: it is older than what runs, and nothing is migrated.',
  },
  can_go_back: { type: 'boolean', description: 'Whether the tenant could be taken back when it fails.' },
  backup: { type: 'boolean', description: 'Whether it is backed up right before.' },
  takes_ms: { type: 'integer', description: 'About how long it takes.' },
  obstacles: list(text('What keeps it from being started as it is asked for.')),
})

/** A release for one tenant. */
export const deploymentPaths = {
  '/api/admin/tenant/{id}/deployment': {
    post: {
      summary: 'Deploy a release to one tenant',
      description:
        'Nobody else gets it. It is backed up first where the release asks for that, and goes back by itself when the release is not well.',
      parameters: [tenantInPath],
      requestBody: body(ASKED),
      responses: {
        202: answer('Queued. Follow it at `/api/admin/runs/{id}`.', object({ run_id: text('`run_…`') })),
        ...refused(400, 401, 403, 404, 409, 413, 415, 422, 503),
      },
    },
  },
  '/api/admin/tenant/{id}/deployment/plan': {
    post: {
      summary: 'Say what a deploy to one tenant would do, and do nothing',
      description:
        'The tag is looked up in the registry, and nothing is kept. Whatever the same request would be refused for is an obstacle.',
      parameters: [tenantInPath],
      requestBody: body(ASKED),
      responses: {
        200: answer('What would happen.', PLAN),
        ...refused(400, 401, 403, 404, 409, 413, 415, 422, 503),
      },
    },
  },
}
