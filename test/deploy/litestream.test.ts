import { Database } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { testWith } from '../needs.ts'
import { temporaryFolder } from './installed-root.ts'

const shipped = join(import.meta.dir, '../../deploy/litestream.yml')
type Settings = { dbs: { path: string; replicas: Record<string, unknown>[] }[] }

/** The shipped settings, with the bucket replaced by a folder. */
async function settingsFor(database: string, replica: string): Promise<string> {
  const settings = parse(await Bun.file(shipped).text()) as Settings
  const [db] = settings.dbs
  const { bucket, endpoint, region, ...kept } = db!.replicas[0]!
  expect([bucket, endpoint, region]).not.toContain(undefined)
  return stringify({ dbs: [{ ...db, path: database, replicas: [{ ...kept, type: 'file', path: replica }] }] })
}

function restore(litestream: string, replica: string, into: string): boolean {
  rmSync(into, { force: true })
  const argv = [litestream, 'restore', '-o', into, `file://${replica}`]
  return Bun.spawnSync(argv, { stdout: 'ignore', stderr: 'ignore' }).exitCode === 0 && existsSync(into)
}

/** How many rows a database holds; none when it was copied before its table was made. */
function countRows(path: string): number {
  const db = new Database(path, { readonly: true })
  try {
    if (!db.query(`SELECT 1 FROM sqlite_schema WHERE name = 'numbers'`).get()) return 0
    return (db.query('SELECT count(*) AS rows FROM numbers').get() as { rows: number }).rows
  } finally {
    db.close()
  }
}

/** The writer of writer.ts, and the numbers it has said so far. */
function startWriter(database: string) {
  const argv = [process.execPath, join(import.meta.dir, 'writer.ts'), database]
  const writer = Bun.spawn(argv, { stdin: 'pipe', stdout: 'pipe', stderr: 'inherit' })
  const acknowledged: number[] = []
  const reading = (async () => {
    const decoder = new TextDecoder()
    let rest = ''
    for await (const chunk of writer.stdout) {
      const lines = (rest + decoder.decode(chunk)).split('\n')
      rest = lines.pop()!
      acknowledged.push(...lines.map(Number))
    }
  })()
  const write = (rows: number) => {
    writer.stdin.write(`${rows}\n`)
    writer.stdin.flush()
  }
  return { writer, write, acknowledged, reading }
}

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (condition()) return
    await Bun.sleep(50)
  }
  throw new Error('did not happen within ten seconds')
}

describe('the running backup', () => {
  testWith('litestream', 'brings the database back after both programs are killed', async (litestream) => {
    using folder = temporaryFolder()
    const at = (name: string) => join(folder.path, name)
    const [database, replica, restored] = [at('atlas.db'), at('replica'), at('restored.db')]
    await Bun.write(at('litestream.yml'), await settingsFor(database, replica))
    const { writer, write, acknowledged, reading } = startWriter(database)
    const argv = [litestream, 'replicate', '-config', at('litestream.yml')]
    const backup = Bun.spawn(argv, { stdout: 'ignore', stderr: 'ignore' })
    try {
      write(200)
      await until(() => restore(litestream, replica, restored) && countRows(restored) === 200)
      write(100_000)
      await until(() => acknowledged.length > 500)
    } finally {
      writer.kill('SIGKILL')
      backup.kill('SIGKILL')
      await Promise.all([writer.exited, backup.exited, reading])
    }

    // What the machine itself kept: every write that was acknowledged.
    expect(countRows(database)).toBeGreaterThanOrEqual(acknowledged.length)
    expectWhole(database)

    // What the replica kept: at least all that was old enough, and nothing out of order.
    expect(restore(litestream, replica, restored)).toBe(true)
    expectWhole(restored)
    expect(countRows(restored)).toBeGreaterThanOrEqual(200)
    expectSameBeginning(restored, database)
  })

  testWith('litestream', 'has nothing to restore where nothing was replicated', (litestream) => {
    using folder = temporaryFolder()
    expect(restore(litestream, join(folder.path, 'replica'), join(folder.path, 'restored.db'))).toBe(false)
  })

  testWith('litestream', 'the shipped settings name Atlas’s database and the bucket', (litestream) => {
    const env = { ...process.env, LITESTREAM_BUCKET: 'backups', LITESTREAM_REGION: 'eu-central-1' }
    const said = Bun.spawnSync([litestream, 'databases', '-config', shipped], { env }).stdout.toString()
    expect(said).toMatch(/^\/var\/lib\/atlas\/atlas\.db\s+s3$/m)
  })

  test('the shipped settings lose a tenth of a second at most, and reach back thirty days', async () => {
    const { dbs } = parse(await Bun.file(shipped).text()) as Settings
    expect(dbs[0]).toMatchObject({
      'monitor-interval': '100ms',
      replicas: [{ type: 's3', retention: '720h' }],
    })
  })
})

function expectWhole(path: string): void {
  const db = new Database(path, { readonly: true })
  expect(db.query('PRAGMA integrity_check').values()).toEqual([['ok']])
  expect(db.query('PRAGMA foreign_key_check').values()).toEqual([])
  const { rows, last } = db.query('SELECT count(*) AS rows, max(number) AS last FROM numbers').get() as {
    rows: number
    last: number
  }
  expect(last).toBe(rows)
  db.close()
}

/** Every table of the copy holds rows of the original; the numbered ones are its first. */
function expectSameBeginning(copy: string, original: string): void {
  const db = new Database(copy)
  db.run('ATTACH ? AS original', [original])
  expect(db.query('SELECT * FROM main.numbers EXCEPT SELECT * FROM original.numbers').values()).toEqual([])
  const schema = (of: string) => db.query(`SELECT name, sql FROM ${of}.sqlite_schema ORDER BY name`).values()
  expect(schema('main').filter(([name]) => !String(name).startsWith('_litestream'))).toEqual(
    schema('original').filter(([name]) => !String(name).startsWith('_litestream')),
  )
  db.close()
}
