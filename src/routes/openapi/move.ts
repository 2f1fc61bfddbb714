import { ACCEPT_UNVERIFIED } from './backups'
import { answer, body, object, refused, tenantInPath, text } from './words'

/** The move to a new server. */
export const movePaths = {
  '/api/admin/tenant/{id}/move': {
    post: {
      summary: 'Move a tenant to a new server',
      description:
        'With its data as it is; with its latest backup when the old server is dead; or with a backup that is named.',
      parameters: [tenantInPath],
      requestBody: {
        ...body(
          object(
            {
              backup_id: text('The backup of the app to move with, `bak_…`.'),
              accept_older_backup: {
                type: 'boolean',
                description:
                  'Whether the latest backup may take the place of the data of a server that is silent.',
              },
              accept_unverified: ACCEPT_UNVERIFIED,
              plan: text('The plan to change to on the way, such as `virtues/starter`.'),
            },
            [],
          ),
        ),
        required: false,
      },
      responses: {
        202: answer(
          'Queued. Follow it at `/api/admin/runs/{id}`.',
          object({
            run_id: text('`run_…`'),
            downtime_minutes: { type: 'integer', description: 'For how long visitors will get no answer.' },
            answers: { type: 'boolean', description: 'Whether the old server answers.' },
            latest_backup_at: {
              type: ['integer', 'null'],
              description: 'When the latest backup of its app was made; UTC milliseconds.',
            },
          }),
        ),
        ...refused(400, 401, 403, 404, 409, 413, 415, 422, 503),
      },
    },
  },
}
