import { and, eq, inArray, sql } from 'drizzle-orm'
import type { Reader } from '../db/open'
import { prepared, reading } from '../db/prepared'
import { effects, runs, servers } from '../db/schema'
import type { RunRow } from '../runs/run'
import { type End, sawOf } from './end'

const undoneMoves = prepared((db) => {
  const isOne = and(eq(runs.kind, 'move'), eq(runs.status, 'cancelled'))
  return db.select().from(runs).where(isOne).prepare()
})
const unfinishedRuns = prepared((db) => {
  const isOne = inArray(runs.status, ['queued', 'running', 'waiting', 'failed'])
  return db.select().from(runs).where(isOne?.inlineParams()).prepare()
})
const intendedEffects = prepared((db) =>
  db.select().from(effects).where(eq(effects.outcome, 'intended').inlineParams()).prepare(),
)
const runsOf = prepared((db) =>
  db
    .select()
    .from(runs)
    .where(eq(runs.tenantId, sql.placeholder('tenantId')))
    .prepare(),
)
const serverById = reading(servers, 'id')

/** Runs that have not ended, or took too long, in words; what failed may have been followed by another run. */
export function endlessRuns(end: End): string[] {
  const open = unfinishedRuns(end.db).all()
  return [
    ...open
      .filter((run) => run.status !== 'failed' || isLatest(end.db, run))
      .map(({ kind, status, step, reason }) => `the run ${kind} is ${status} at ${step}: ${reason}`),
    ...sawOf(end, 'slow'),
  ]
}

function isLatest(db: Reader, { tenantId, createdAt }: RunRow): boolean {
  return runsOf(db)
    .all({ tenantId })
    .every((run) => run.createdAt <= createdAt)
}

/** New servers of moves that were taken back and are the tenant's own all the same, in words. */
export function keptMoves({ db }: End): string[] {
  return undoneMoves(db)
    .all()
    .map(({ input }) => (JSON.parse(input) as { serverId: string }).serverId)
    .filter((id) => serverById(db, { id })?.role === 'current')
    .map((id) => `the new server ${id} is the tenant’s own`)
}

/** Calls of which the ledger does not know what became, in words. */
export function openEffects({ db }: End): string[] {
  return intendedEffects(db)
    .all()
    .map(({ provider, verb }) => `${provider} ${verb} is still intended`)
}

/** Commands that a machine ran twice, in words. */
export function repeatedCommands(end: End): string[] {
  return [...end.holds.machines.flatMap(({ commands }) => ranTwice(commands)), ...sawOf(end, 'command')]
}

/** The same part of the same run, done to its end more than once. */
export function ranTwice(commands: { id: string; end: object | null }[]): string[] {
  const done = commands
    .filter(({ end }) => end !== null && 'result' in end)
    .map(({ id }) => id.replace(/-\d+$/, ''))
  return done.filter((id, index) => done.indexOf(id) !== index).map((id) => `command ${id} ran twice`)
}
