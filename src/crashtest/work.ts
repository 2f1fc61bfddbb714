import type { Tables } from './tables'

/** Whether a run, a mail or an event waits or is worked on. */
export function hasWork(tables: Tables): boolean {
  const { n } = tables
    .statement(
      `SELECT (SELECT count(*) FROM runs WHERE status IN ('queued', 'running', 'waiting'))
            + (SELECT count(*) FROM outbox WHERE status = 'queued')
            + (SELECT count(*) FROM inbox WHERE status = 'received') AS n`,
    )
    .get() as { n: number }
  return n > 0
}

/** When the next of it is due, or a rollout; infinity when nothing is. */
export function nextWorkAt(tables: Tables): number {
  const { at } = tables
    .statement(
      `SELECT min(at) AS at FROM (
         SELECT available_at AS at FROM runs WHERE status IN ('queued', 'waiting')
         UNION ALL SELECT 0 FROM runs WHERE status = 'running'
         UNION ALL SELECT available_at FROM outbox WHERE status = 'queued'
         UNION ALL SELECT available_at FROM inbox WHERE status = 'received'
         UNION ALL SELECT due_at FROM rollouts WHERE due_at IS NOT NULL)`,
    )
    .get() as { at: number | null }
  return at ?? Number.POSITIVE_INFINITY
}

/** How many runs and effects there are. */
export function countChanges(tables: Tables): number {
  const counts = 'SELECT (SELECT count(*) FROM effects) + (SELECT count(*) FROM runs) AS n'
  return (tables.statement(counts).get() as { n: number }).n
}

/** Whether a finding stands open. */
export function hasFindings(tables: Tables): boolean {
  return tables.statement("SELECT 1 FROM findings WHERE status = 'open'").get() !== null
}
