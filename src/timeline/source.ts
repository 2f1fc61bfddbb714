import { type SQL, type SQLWrapper, sql } from 'drizzle-orm'
import type { Reader } from '../db/open'
import type { Entry, Source } from './entry'

/** The subject that a source is asked for. */
export const SUBJECT = sql.placeholder('subject')

/** How many entries it is asked for. */
export const LIMIT = sql.placeholder('limit')

/** What stands behind the position that it is asked from; the first half is what an index by time can use. */
export function behind(at: SQLWrapper, id: SQLWrapper): SQL {
  const from = { at: sql.placeholder('at'), id: sql.placeholder('id') }
  return sql`${at} <= ${from.at} AND (${at}, ${id}) < (${from.at}, ${from.id})`
}

type Asked = { subject: string; at: number; id: string; limit: number }
type Query<Row> = { all(asked: Asked): Row[] }

/** A source of a query, which is built once a database: a page of a story asks some twenty. */
export function sourceOf<Row>(build: (db: Reader) => Query<Row>, tell: (row: Row) => Entry): Source {
  const built = new WeakMap<Reader, Query<Row>>()
  return (db, subject, { at, id }, limit) => {
    const query = built.get(db) ?? build(db)
    built.set(db, query)
    return query.all({ subject, at, id, limit }).map(tell)
  }
}
