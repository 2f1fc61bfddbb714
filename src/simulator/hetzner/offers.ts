import { listAnswer, notFound, sorted } from './answers'
import { LOCATIONS, SERVER_TYPES } from './catalogue'
import type { Route } from './routes'

/** What can be ordered and where. */
export const offerRoutes: Route[] = [
  ...readOnly('server_types', 'server_type', SERVER_TYPES),
  ...readOnly('locations', 'location', LOCATIONS),
]

function readOnly(nouns: string, noun: string, rows: { id: number; name: string }[]): Route[] {
  return [
    {
      method: 'GET',
      path: `/${nouns}`,
      answer: ({ url }) => {
        const name = url.searchParams.get('name')
        return listAnswer(
          nouns,
          sorted(
            rows.filter((row) => name === null || row.name === name),
            url,
          ),
          url,
        )
      },
    },
    {
      method: 'GET',
      path: `/${nouns}/{id}`,
      answer: ({ id }) => {
        const row = rows.find((one) => String(one.id) === id)
        if (!row) throw notFound(noun, id)
        return Response.json({ [noun]: row })
      },
    },
  ]
}
