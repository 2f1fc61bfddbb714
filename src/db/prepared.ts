import type { Reader } from './open'

/**
 * A query that is asked all the time. Its text is built and compiled once a connection, which takes fifty times as long
 * as to ask it; what changes stands in `sql.placeholder`s.
 */
export function prepared<Query>(build: (db: Reader) => Query): (db: Reader) => Query {
  const built = new WeakMap<object, Query>()
  return (db) => {
    // Every transaction is an object of its own; what it shares with its connection is the session.
    const { session } = db as Reader & { session: object }
    const query = built.get(session) ?? build(db)
    built.set(session, query)
    return query
  }
}
