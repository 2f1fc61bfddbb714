import { type Child, Html } from '../jsx-runtime'

/**
 * A column's head: its name, with classes for numbers and for what narrow screens leave out; a name that only screen
 * readers hear; or a cell of its own, such as one that sorts.
 */
export type Column = string | { name: string; class: string } | { unseen: string } | Html

/** A card with a table in it; its children are the rows. */
export function Table(props: { label: string; columns: readonly (Column | false)[]; children: Child }): Html {
  const { label, columns, children } = props
  return (
    <div class="card table-card">
      <table>
        <caption class="visually-hidden">{label}</caption>
        <thead>
          <tr>
            {columns.map((column) => (column instanceof Html ? column : column && <Head column={column} />))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  )
}

function Head({ column }: { column: Exclude<Column, Html> }): Html {
  if (typeof column === 'string') return <th scope="col">{column}</th>
  if ('name' in column) {
    return (
      <th scope="col" class={column.class}>
        {column.name}
      </th>
    )
  }
  return (
    <th scope="col">
      <span class="visually-hidden">{column.unseen}</span>
    </th>
  )
}
