import { eq } from 'drizzle-orm'
import type { SQLiteTable } from 'drizzle-orm/sqlite-core'
import { backups, effects, findings, runLogs, runs, steps } from '../../src/db/schema'
import { openStage, type Stage } from '../stage'

const DAY_MS = 86_400_000
export const YEAR_MS = 365 * DAY_MS

type Change<Table extends SQLiteTable> = Partial<Table['$inferInsert']>

/** A tenant that was made long ago, and what is written down of it. */
export class Scene {
  private constructor(
    readonly stage: Stage,
    readonly tenantId: string,
  ) {}

  static async open(): Promise<Scene> {
    const stage = openStage()
    const { tenantId } = await stage.tenant()
    stage.services.db.sqlite.exec("UPDATE runs SET created_at = 0, finished_at = 1, status = 'succeeded'")
    return new Scene(stage, tenantId)
  }

  get services() {
    return this.stage.services
  }

  get db() {
    return this.stage.services.db
  }

  ago(ms: number): number {
    return this.stage.clock.now() - ms
  }

  add<Table extends SQLiteTable>(table: Table, row: Table['$inferInsert']) {
    this.db.write((tx) => tx.insert(table).values(row).run())
  }

  /** The ids of what a table holds, sorted. */
  ids(table: SQLiteTable & { id: unknown }): string[] {
    const rows = this.db.read
      .select()
      .from(table as SQLiteTable)
      .all() as { id: string }[]
    return rows.map(({ id }) => id).sort()
  }

  /** A run that has ended, with a step, a line and a call. */
  run(id: string, at: number, change: Change<typeof runs> = {}) {
    const times = { availableAt: at, createdAt: at, finishedAt: at + 1 }
    const facts = { kind: 'backup', tenantId: this.tenantId, input: '{}', status: 'succeeded' } as const
    this.add(runs, { id, ...facts, ...times, ...change })
    this.add(steps, { runId: id, position: 0, name: 'one', title: 'One', status: 'succeeded' })
    this.add(runLogs, { runId: id, position: 0, at, step: 'one', line: 'Done.' })
    this.call(`eff_${id}`, at, { runId: id })
  }

  call(id: string, requestedAt: number, change: Change<typeof effects> = {}) {
    const intent = { provider: 's3', verb: 'deleteObject', key: 'k', summary: '{}', outcome: 'done' } as const
    this.add(effects, { id, subject: this.tenantId, ...intent, requestedAt, ...change })
  }

  /** A backup that was removed, and its run. */
  backup(
    id: string,
    removedAt: number,
    change: Change<typeof backups> = {},
    ofRun: Change<typeof runs> = {},
  ) {
    const [runId, createdAt] = [`run_${id}`, removedAt - 7 * DAY_MS]
    this.run(runId, createdAt, ofRun)
    const facts = { method: 'app', reason: 'scheduled', status: 'removed', objectKey: `key/${id}` } as const
    this.add(backups, { id, tenantId: this.tenantId, runId, ...facts, createdAt, removedAt, ...change })
  }

  finding(id: string, change: Change<typeof findings>) {
    const seen = { firstSeenAt: 0, lastSeenAt: 0 }
    const facts = { key: id, kind: 'stray_object', tenantId: this.tenantId, facts: '{}' }
    this.add(findings, { id, ...facts, status: 'open', ...seen, ...change })
  }

  /** Whether a run is known, and its steps, its log and its calls. */
  knows(runId: string): boolean[] {
    const of = (table: typeof steps | typeof runLogs | typeof effects) =>
      this.db.read
        .select()
        .from(table as typeof steps)
        .where(eq(table.runId, runId))
        .all().length > 0
    return [this.ids(runs).includes(runId), of(steps), of(runLogs), of(effects)]
  }

  /** Also sees to it that nothing refers to what is gone. */
  async close(): Promise<unknown[]> {
    const lost = this.db.sqlite.query('PRAGMA foreign_key_check').all()
    await this.stage.close()
    return lost
  }
}
