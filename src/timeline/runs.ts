import { and, desc, eq, isNotNull, sql } from 'drizzle-orm'
import { runs, steps } from '../db/schema'
import { type Entry, entry, inWords, type Severity } from './entry'
import { behind, LIMIT, SUBJECT, sourceOf } from './source'

type RunRow = typeof runs.$inferSelect & { stepTitle: string | null }

const BEGUN = ':begun'
const ENDED = ':ended'

const STEP_TITLE = sql<string | null>`(SELECT ${steps.title} FROM ${steps}
  WHERE ${steps.runId} = ${runs.id} AND ${steps.name} = ${runs.step})`

/** What was decided to be done to a tenant. */
export const readBeginnings = sourceOf(
  (db) =>
    db
      .select({ run: runs, stepTitle: STEP_TITLE })
      .from(runs)
      .where(and(eq(runs.tenantId, SUBJECT), behind(runs.createdAt, sql`${runs.id} || ${BEGUN}`)))
      .orderBy(desc(runs.createdAt), desc(runs.id))
      .limit(LIMIT)
      .prepare(),
  ({ run, stepTitle }) => beginning({ ...run, stepTitle }),
)

/** How it ended. */
export const readEndings = sourceOf(
  (db) =>
    db
      .select({ run: runs, stepTitle: STEP_TITLE })
      .from(runs)
      .where(
        and(
          eq(runs.tenantId, SUBJECT),
          isNotNull(runs.finishedAt),
          behind(runs.finishedAt, sql`${runs.id} || ${ENDED}`),
        ),
      )
      .orderBy(desc(runs.finishedAt), desc(runs.id))
      .limit(LIMIT)
      .prepare(),
  ({ run, stepTitle }) => ending({ ...run, stepTitle }),
)

function beginning(run: RunRow): Entry {
  return entry('decision', {
    id: run.id + BEGUN,
    at: run.createdAt,
    title: `${inWords(run.kind)}: begun`,
    detail: presentOf(run),
    link: `/admin/runs/${run.id}`,
  })
}

/** Where a live run stands now: queued, at a step, waiting and why, turned back. */
function presentOf({ status, direction, stepTitle, reason, cancelRequestedAt }: RunRow): string | null {
  if (status !== 'queued' && status !== 'running' && status !== 'waiting') return null
  const turned = direction === 'undo' ? 'It is being taken back' : cancelRequestedAt && 'It is to turn back'
  const at = status === 'queued' ? 'It is in the queue' : stepTitle && `It is at “${stepTitle}”`
  return [turned, at, status === 'waiting' && reason].filter(Boolean).join('. ')
}

const ENDINGS: Partial<Record<RunRow['status'], [word: string, severity: Severity]>> = {
  succeeded: ['done', 'good'],
  cancelled: ['taken back', 'warning'],
}

function ending(run: RunRow): Entry {
  const { id, kind, status, finishedAt, stepTitle, direction, reason } = run
  const stopped = direction === 'undo' ? 'stopped while it was taken back' : 'stopped'
  const [word, severity] = ENDINGS[status] ?? [stopped, 'bad' as const]
  const why =
    status === 'failed' ? [stepTitle && `At “${stepTitle}”`, reason].filter(Boolean).join(': ') : null
  return entry('decision', {
    id: id + ENDED,
    at: finishedAt ?? 0,
    title: `${inWords(kind)}: ${word}`,
    detail: why,
    link: `/admin/runs/${id}`,
    severity,
  })
}
