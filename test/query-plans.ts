import type { Database } from 'bun:sqlite'

/** How SQLite finds its way through what `work` asks of it: a line for each table. */
export function plansOf(sqlite: Database, work: () => unknown): string[] {
  const { prepare } = sqlite
  const texts = new Set<string>()
  sqlite.prepare = ((text: string, ...more: []) => {
    if (/^\s*select/i.test(text)) texts.add(text)
    return prepare.call(sqlite, text, ...more)
  }) as typeof prepare
  work()
  sqlite.prepare = prepare
  return [...texts].flatMap((text) => {
    const holes = Array(text.split('?').length - 1).fill(null)
    const plan = sqlite.query(`EXPLAIN QUERY PLAN ${text}`).all(...holes) as { detail: string }[]
    return plan.map(({ detail }) => detail)
  })
}
