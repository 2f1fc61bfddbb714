import { invalidInput } from './answers'

const PER_PAGE_DEFAULT = 25
const PER_PAGE_MAX = 50

type Row = {
  id: string | number
  name?: string | null
  createdAt?: number
  created?: string
  started?: string
}

/** One page of a list, sorted as asked, with `meta.pagination` and the `Link` header. */
export function listAnswer<T extends Row>(
  noun: string,
  rows: T[],
  url: URL,
  wire: (row: T) => unknown,
): Response {
  const perPage = Math.min(positive(url, 'per_page', PER_PAGE_DEFAULT), PER_PAGE_MAX)
  const page = positive(url, 'page', 1)
  const last = Math.max(1, Math.ceil(rows.length / perPage))
  const pagination = {
    page,
    per_page: perPage,
    previous_page: page > 1 ? page - 1 : null,
    next_page: page < last ? page + 1 : null,
    last_page: last,
    total_entries: rows.length,
  }
  const shown = sorted(rows, url).slice((page - 1) * perPage, page * perPage)
  const body = { [noun]: shown.map(wire), meta: { pagination } }
  return Response.json(body, { headers: { link: links(url, pagination) } })
}

/** The filter that a repeatable parameter stands for; everything passes when it is absent. */
export function oneOf(url: URL, name: string): (value: string) => boolean {
  const wanted = url.searchParams.getAll(name)
  return (value) => wanted.length === 0 || wanted.includes(value)
}

function sorted<T extends Row>(rows: T[], url: URL): T[] {
  const [field, direction] = (url.searchParams.get('sort') ?? 'id').split(':')
  const sign = direction === 'desc' ? -1 : 1
  const order: Record<string, (a: T, b: T) => number> = {
    id: (a, b) => Number(a.id) - Number(b.id),
    name: (a, b) => ((a.name ?? '') < (b.name ?? '') ? -1 : 1),
    created: (a, b) => createdAt(a) - createdAt(b),
    started: (a, b) => Date.parse(a.started ?? '') - Date.parse(b.started ?? ''),
  }
  const compare = order[field ?? 'id']
  if (!compare) throw invalidInput('sort', 'unknown field')
  return [...rows].sort((a, b) => sign * compare(a, b))
}

const createdAt = (row: Row) => row.createdAt ?? Date.parse(row.created ?? '')

function positive(url: URL, name: string, otherwise: number): number {
  const text = url.searchParams.get(name)
  if (text === null) return otherwise
  if (!/^[1-9]\d{0,8}$/.test(text)) throw invalidInput(name, 'must be a positive integer')
  return Number(text)
}

type Pages = { previous_page: number | null; next_page: number | null; last_page: number }

function links(url: URL, pages: Pages): string {
  const link = (page: number | null, rel: string) => {
    if (page === null) return []
    const target = new URL(url)
    target.searchParams.set('page', String(page))
    return [`<${target}>; rel="${rel}"`]
  }
  return [
    ...link(pages.previous_page, 'prev'),
    ...link(pages.next_page, 'next'),
    ...link(pages.last_page, 'last'),
  ].join(', ')
}
