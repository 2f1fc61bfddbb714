import type { Html } from '../jsx-runtime'

/** Where in a list we are; `number` starts at 1. */
export type Page = { number: number; size: number; total: number }

export type Query = Record<string, string | number | undefined>

/** A link of a list with its filters kept; what is empty or undefined is left out. */
export function listHref(path: string, query: Query): string {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') search.set(name, String(value))
  }
  const text = search.toString()
  return text ? `${path}?${text}` : path
}

/** 'Showing 51 to 100 of 1,234 tenants' in words, for the head of a list. */
export function countWords(page: Page, one: string, many: string): string {
  if (page.total === 0) return `No ${many}`
  if (page.total === 1) return `1 ${one}`
  const first = (page.number - 1) * page.size + 1
  const last = Math.min(page.number * page.size, page.total)
  if (first === 1 && last === page.total) return `${NUMBER.format(page.total)} ${many}`
  return `${NUMBER.format(first)} to ${NUMBER.format(last)} of ${NUMBER.format(page.total)} ${many}`
}

/** Links to the page before and the page after; nothing when there is only one page. */
export function Pager({ path, query, page }: { path: string; query: Query; page: Page }): Html | null {
  const last = Math.max(1, Math.ceil(page.total / page.size))
  if (last === 1) return null
  const href = (number: number) => listHref(path, { ...query, page: number === 1 ? undefined : number })
  return (
    <nav class="pager" aria-label="Pages">
      {page.number > 1 ? (
        <a class="button button-quiet" rel="prev" href={href(page.number - 1)}>
          Previous
        </a>
      ) : (
        <span />
      )}
      <p class="muted">
        Page {NUMBER.format(page.number)} of {NUMBER.format(last)}
      </p>
      {page.number < last ? (
        <a class="button button-quiet" rel="next" href={href(page.number + 1)}>
          Next
        </a>
      ) : (
        <span />
      )}
    </nav>
  )
}

const NUMBER = new Intl.NumberFormat('en-US')
