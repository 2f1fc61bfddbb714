import { and, desc, eq, isNotNull, sql } from 'drizzle-orm'
import { runs, steps } from '../db/schema'
import { behind, type Entry, entry, inWords, type Severity, type Source } from './entry'

type RunRow = typeof runs.$inferSelect & { stepTitle: string | null }

const BEGUN = ':begun'
const ENDED = ':ended'

/** What was decided to be done to a tenant. */
export const readBeginnings: Source = (db, tenantId, from, limit) => {
  const id = sql`${runs.id} || ${BEGUN}`
  const where = and(eq(runs.tenantId, tenantId), behind(runs.createdAt, id, from))
  return db
    .select({ run: runs, stepTitle: STEP_TITLE })
    .from(runs)
    .where(where)
    .orderBy(desc(runs.createdAt), desc(runs.id))
    .limit(limit)
    .all()
    .map(({ run, stepTitle }) => beginning({ ...run, stepTitle }))
}

/** How it ended. */
export const readEndings: Source = (db, tenantId, from, limit) => {
  const id = sql`${runs.id} || ${ENDED}`
  const where = and(
    eq(runs.tenantId, tenantId),
    isNotNull(runs.finishedAt),
    behind(runs.finishedAt, id, from),
  )
  return db
    .select({ run: runs, stepTitle: STEP_TITLE })
    .from(runs)
    .where(where)
    .orderBy(desc(runs.finishedAt), desc(runs.id))
    .limit(limit)
    .all()
    .flatMap(({ run, stepTitle }) => ending({ ...run, stepTitle }))
}

const STEP_TITLE = sql<string | null>`(SELECT ${steps.title} FROM ${steps}
  WHERE ${steps.runId} = ${runs.id} AND ${steps.name} = ${runs.step})`

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
