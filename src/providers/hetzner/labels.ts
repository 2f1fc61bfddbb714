import type { Query } from './api'

type Labels = Record<string, string>

export const carries = (has: Labels, wanted: Labels) =>
  Object.entries(wanted).every(([key, value]) => has[key] === value)

/** The query for everything with these labels, in an order that does not change between pages. */
export function withLabels(labels: Labels): Query {
  const selector = Object.entries(labels).map(([key, value]) => `${key}==${value}`)
  return { sort: 'id:asc', ...(selector.length > 0 && { label_selector: selector.join(',') }) }
}
