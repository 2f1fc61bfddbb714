import { BACKUP_SORTS } from '../../backups/list'
import {
  answer,
  body,
  inOrder,
  list,
  object,
  query,
  queued,
  refused,
  tenantInPath,
  text,
  time,
} from './words'

const BACKUP = object({
  id: text('`bak_…`'),
  method: { enum: ['app', 'image'], description: 'The app’s data, encrypted, or the server’s whole disk.' },
  reason: {
    enum: ['scheduled', 'by_hand', 'before_deletion', 'before_move', 'before_restore', 'before_deploy'],
  },
  status: { enum: ['running', 'complete', 'failed', 'removed'] },
  size_bytes: { type: ['integer', 'null'] },
  sha256: { type: ['string', 'null'], description: 'Of the encrypted object.' },
  release: { type: ['string', 'null'], description: 'The release that the tenant ran then.' },
  object_key: { type: ['string', 'null'], description: 'Where in the storage it is; null for an image.' },
  error: { type: ['string', 'null'], description: 'Why it failed.' },
  run_id: { type: ['string', 'null'] },
  created_at: { type: 'integer', description: 'UTC milliseconds.' },
  completed_at: time('When it was complete.'),
  expires_at: time('Until when it is kept.'),
  removed_at: time('When it was removed.'),
  adopted_at: time(
    'When it was found in the storage after the database had forgotten it: it is unverified, its checksum is of what was found.',
  ),
  obstacle: { type: ['string', 'null'], description: 'Why it can’t be restored; null when it can.' },
})

/** Asked for before a backup is used that was found in the storage. */
export const ACCEPT_UNVERIFIED = {
  type: 'boolean',
  description: 'Whether a backup with `adopted_at` may be used, for which nobody can vouch.',
}

/** A tenant's backups, and the way back to one of them. */
export const backupPaths = {
  '/api/admin/tenant/{id}/backups': {
    get: {
      summary: 'List a tenant’s backups',
      parameters: [
        tenantInPath,
        query('q', text('Part of the release, or an id.')),
        query('method', { enum: ['app', 'image'] }),
        query('status', { enum: ['running', 'complete', 'failed', 'removed'] }),
        ...inOrder(BACKUP_SORTS),
        query('page', { type: 'integer', minimum: 1 }),
      ],
      responses: {
        200: answer(
          'One page, newest first unless sorted.',
          object({
            backups: list(BACKUP),
            page: { type: 'integer' },
            per_page: { type: 'integer' },
            total: { type: 'integer' },
          }),
        ),
        ...refused(401, 404),
      },
    },
    post: {
      summary: 'Back a tenant up',
      parameters: [tenantInPath],
      requestBody: {
        ...body(object({ method: { enum: ['app', 'image'], default: 'app' } }, [])),
        required: false,
      },
      responses: {
        202: answer(
          'Queued. Follow it at `/api/admin/runs/{id}`.',
          object({ run_id: text('`run_…`'), backup_id: text('`bak_…`') }),
        ),
        ...refused(400, 401, 403, 404, 409, 413, 415, 422),
      },
    },
  },
  '/api/admin/tenant/{id}/backup-key': {
    post: {
      summary: 'Hand out the key of a tenant’s backups',
      description: 'To open them without Atlas. Recorded in the tenant’s timeline.',
      parameters: [tenantInPath],
      requestBody: body(
        object({ confirmation: text('The tenant’s name, to make sure that this is the one.') }),
      ),
      responses: {
        200: answer('The key.', object({ identity: text('An age identity, `AGE-SECRET-KEY-1…`.') })),
        ...refused(400, 401, 403, 404, 409, 413, 415, 422),
      },
    },
  },
  '/api/admin/tenant/{id}/restoration': {
    post: {
      summary: 'Put a backup back on the tenant’s server',
      description: 'What is there now is backed up first.',
      parameters: [tenantInPath],
      requestBody: body(
        object({ backup_id: text('The backup’s id, `bak_…`.'), accept_unverified: ACCEPT_UNVERIFIED }, [
          'backup_id',
        ]),
      ),
      responses: { 202: queued, ...refused(400, 401, 403, 404, 409, 413, 415, 422) },
    },
  },
}
