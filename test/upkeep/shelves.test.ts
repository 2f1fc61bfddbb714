import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { SQLiteSyncDialect } from 'drizzle-orm/sqlite-core'
import { forget, oldest, shelvesWithOld } from '../../src/upkeep/forget'
import { SHELVES } from '../../src/upkeep/shelves'
import { plansOf } from '../query-plans'
import { openStage, type Stage } from '../stage'

let stage: Stage
beforeEach(() => {
  stage = openStage()
})
afterEach(() => stage.close())

const planOf = (text: string, params: unknown[] = []) =>
  stage.services.db.sqlite
    .query(`EXPLAIN QUERY PLAN ${text}`)
    .all(...(params as string[]))
    .map((row) => (row as { detail: string }).detail)

describe.each(SHELVES.map((shelf) => [shelf.name, shelf] as const))('%s', (_, shelf) => {
  test('are found along their index, and nothing else is read in full', () => {
    const { sql, params } = new SQLiteSyncDialect().sqlToQuery(oldest(shelf, 1, { at: 0, key: '' }, 25))
    const plan = planOf(sql, params)
    const isInTime = /^SEARCH it USING INDEX \w+ \(.*\w+_at>\? AND \w+_at<\?\)$/
    expect(plan.filter((line) => isInTime.test(line))).toHaveLength(1)
    // The one latest look is found from the newest on.
    const scans = plan.filter(
      (line) => /^SCAN (?!latest$)/.test(line) && !/ USING INDEX reconciliations_by_time$/.test(line),
    )
    expect(scans).toEqual([])
  })

  test('go by their keys, and whoever may refer to them is found by an index', () => {
    const { sqlite } = stage.services.db
    const asked: string[] = []
    const { prepare } = sqlite
    sqlite.prepare = ((text: string) => {
      asked.push(text)
      return prepare.call(sqlite, text)
    }) as typeof prepare
    const rows = [{ at: 0, key: 'a', stays: 0, runId: 'run_a' }]
    stage.services.db.write((tx) => forget(tx, shelf, rows))
    const changes = asked.filter((text) => /^(DELETE|UPDATE)/.test(text))
    expect(changes.length).toBeGreaterThanOrEqual(5)
    for (const text of changes) {
      const plan = planOf(text, ['[]'])
      expect(plan.filter((line) => /^SCAN (?!json_each)/.test(line))).toEqual([])
      expect(plan[0]).toMatch(
        /(PRIMARY KEY|sqlite_autoindex_\w+|_by_run) \((\w+=\? AND )?(id|run_id|event_id)=\?\)$/,
      )
    }
  })
})

test('whether there is anything to forget is one look into an index for each', () => {
  const { db, clock } = stage.services
  const plans = plansOf(db.sqlite, () => shelvesWithOld(db.read, clock.now()))
  expect(plans.filter((line) => /^SEARCH \w+ EXISTS USING (COVERING )?INDEX/.test(line))).toHaveLength(
    SHELVES.length,
  )
  expect(plans.filter((line) => /^SCAN (?!\(subquery)/.test(line))).toEqual([])
})
