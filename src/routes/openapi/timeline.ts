import { answer, list, object, query, refused, tenantInPath, text } from './words'

const KIND = { enum: ['event', 'decision', 'effect', 'probe', 'action', 'mail', 'finding'] }

const ENTRY = object({
  id: text('The same each time it is told.'),
  at: { type: 'integer', description: 'UTC milliseconds.' },
  kind: KIND,
  title: text('What happened, in words.'),
  detail: { type: ['string', 'null'], description: 'More about it: facts, a reason.' },
  link: { type: ['string', 'null'], description: 'The path of a page of Atlas that says more.' },
  severity: { enum: ['info', 'good', 'warning', 'bad'] },
  actor: { type: ['string', 'null'], description: 'Who did it: an address, a token’s name.' },
  ip: { type: ['string', 'null'], description: 'Where they did it from.' },
})

/** Why a tenant is as it is. */
export const timelinePaths = {
  '/api/admin/tenant/{id}/timeline': {
    get: {
      summary: 'Tell a tenant’s story, newest first',
      parameters: [
        tenantInPath,
        query('kind', KIND),
        query('q', text('Words that must stand in it.')),
        query('before', text('`next` of the part before.')),
        query('limit', { type: 'integer', minimum: 1, maximum: 200, default: 50 }),
      ],
      responses: {
        200: answer(
          'A part of it. A search may end before it found enough: go on with `next`.',
          object({
            entries: list(ENTRY),
            next: { type: ['string', 'null'], description: 'Where to go on; null at its beginning.' },
            fullSince: {
              type: ['integer', 'null'],
              description:
                'From when on everything is told, in UTC milliseconds; what repeats by itself is forgotten in time. Null when all is.',
            },
          }),
        ),
        ...refused(401, 404, 422),
      },
    },
  },
}
