import { answer, body, object, refused, tenantInPath, text } from './words'

/** A release for one tenant. */
export const deploymentPaths = {
  '/api/admin/tenant/{id}/deployment': {
    post: {
      summary: 'Deploy a release to one tenant',
      description:
        'Nobody else gets it. It is backed up first where the release asks for that, and goes back by itself when the release is not well.',
      parameters: [tenantInPath],
      requestBody: body(
        object(
          {
            tag: text('Of the app’s image, such as `v43`.'),
            notes: text('What is new.'),
            migration: {
              enum: ['none', 'reversible', 'expand', 'contract'],
              description:
                'What it does to the data; may be left out when the release is known or its blueprint says so.',
            },
            backup: { type: 'boolean', description: 'Whether tenants are backed up right before.' },
            accepts_no_way_back: {
              type: 'boolean',
              description: 'Whether it may be started although there is no way back.',
            },
          },
          ['tag'],
        ),
      ),
      responses: {
        202: answer('Queued. Follow it at `/api/admin/runs/{id}`.', object({ run_id: text('`run_…`') })),
        ...refused(400, 401, 403, 404, 409, 413, 415, 422, 503),
      },
    },
  },
}
