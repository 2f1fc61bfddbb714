import { notFound } from './answers'
import { LOCATIONS, pricing, SERVER_TYPES } from './catalogue'
import { listAnswer, oneOf } from './lists'
import type { Route } from './routes'

/** What can be ordered and where. */
export const offerRoutes: Route[] = [
  ...readOnly('server_types', 'server_type', SERVER_TYPES),
  ...readOnly('locations', 'location', LOCATIONS),
  { method: 'GET', path: '/pricing', answer: () => Response.json({ pricing: pricing() }) },
]

function readOnly(nouns: string, noun: string, rows: { id: number; name: string }[]): Route[] {
  return [
    {
      method: 'GET',
      path: `/${nouns}`,
      answer: ({ url }) => {
        const named = oneOf(url, 'name')
        return listAnswer(
          nouns,
          rows.filter((row) => named(row.name)),
          url,
          (row) => row,
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
