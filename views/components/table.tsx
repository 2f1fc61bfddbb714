import type { Child, Html } from '../jsx-runtime'
import { SortArrow } from './icons'
import { listHref, type Query } from './pager'

/**
 * A column's head: its name, with classes for numbers and for what narrow screens leave out, and what a list is sorted
 * by when it is pressed; or a name that only screen readers hear.
 */
export type Column = string | { name: string; class?: string; sort?: string } | { unseen: string }

/** By what a list is sorted, and which way; a part of its filter, so that its address remembers it. */
export type Order = { sort: string; dir: 'asc' | 'desc' }

/** A list's address, and its filter with its order. */
export type SortedList = { path: string; filter: Query & Order }

type TableProps = {
  label: string
  columns: readonly (Column | false)[]
  /** The list that its heads sort; without it they only name their columns. */
  list?: SortedList
  children: Child
}

/** A card with a table in it; its children are the rows. */
export function Table({ label, columns, list, children }: TableProps): Html {
  return (
    <div class="card table-card">
      <table>
        <caption class="visually-hidden">{label}</caption>
        <thead>
          <tr>{columns.map((column) => column && <Head column={column} list={list} />)}</tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  )
}

function Head({ column, list }: { column: Column } & Pick<TableProps, 'list'>): Html {
  if (typeof column === 'string') return <th scope="col">{column}</th>
  if ('unseen' in column) {
    return (
      <th scope="col">
        <span class="visually-hidden">{column.unseen}</span>
      </th>
    )
  }
  if (column.sort && list) return <SortableHead {...column} sort={column.sort} {...list} />
  return (
    <th scope="col" class={column.class}>
      {column.name}
    </th>
  )
}

type SortableProps = SortedList & { name: string; class?: string; sort: string }

function SortableHead({ name, sort, path, filter, ...head }: SortableProps): Html {
  const current = filter.sort === sort
  const dir = current && filter.dir === 'asc' ? 'desc' : 'asc'
  return (
    <th
      scope="col"
      class={head.class}
      aria-sort={current ? (filter.dir === 'asc' ? 'ascending' : 'descending') : undefined}
    >
      <a class="sort-link" href={listHref(path, { ...filter, sort, dir })}>
        {name}
        {current && <SortArrow direction={filter.dir} />}
      </a>
    </th>
  )
}
