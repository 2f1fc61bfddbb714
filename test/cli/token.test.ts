import { Database } from 'bun:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findApiToken } from '../../src/accounts/api-token'
import { token } from '../../src/cli/token'
import { MIGRATIONS } from '../../src/db/migrate'
import { openDb } from '../../src/db/open'

const NOW = 1_000

let folder: string
let file: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'atlas-token-'))
  file = join(folder, 'atlas.db')
})
afterEach(() => rmSync(folder, { recursive: true }))

async function run(...args: string[]) {
  const out: string[] = []
  const err: string[] = []
  const io = { out: (line: string) => out.push(line), err: (line: string) => err.push(line) }
  const exitCode = await token(args, io, { DATA_DIR: ` ${folder} ` })
  return { exitCode, out: out.join('\n'), err: err.join('\n') }
}

describe('atlas token', () => {
  test('makes a token that is good at once in the Atlas beside it, lists it, and revokes it', async () => {
    const running = openDb(file, NOW)
    try {
      const made = await run('create', 'deploys')
      expect(made.exitCode).toBe(0)
      expect(made.out).toMatch(/^atlas_\S+$/)
      const id = findApiToken(running, made.out, NOW)?.id ?? ''
      expect(made.err).toBe(`${id} was made. This is the only time its token is shown.`)
      expect((await run('list')).out).toMatch(new RegExp(`^${id} {2}live {5}deploys {2}never used$`))
      expect(await run('revoke', id)).toEqual({ exitCode: 0, out: `${id} is revoked.`, err: '' })
      expect(findApiToken(running, made.out, NOW)).toBeNull()
      expect((await run('list')).out).toContain(`${id}  revoked  deploys`)
      expect(await run('revoke', id)).toMatchObject({ exitCode: 1, err: 'There is no such live token.' })
    } finally {
      running.close()
    }
  })

  test('without a database says where it looked, and makes none', async () => {
    const { exitCode, out, err } = await run('create', 'deploys')
    expect([exitCode, out]).toEqual([1, ''])
    expect(err).toStartWith('DATA_DIR (./data unless it is set) holds no database')
    expect(readdirSync(folder)).toEqual([])
  })

  test.each([
    ['an older Atlas', 'DELETE FROM migrations', 'Start this Atlas once first'],
    [
      'a newer Atlas',
      `INSERT INTO migrations VALUES (${MIGRATIONS.length + 1}, 'x', 0)`,
      'Start the newer Atlas',
    ],
  ])('leaves the database of %s as it is', async (_, sql, words) => {
    const running = openDb(file, NOW)
    running.sqlite.exec(sql)
    const versions = () => running.sqlite.query('SELECT * FROM migrations').all()
    const before = versions()
    expect(await run('list')).toEqual({ exitCode: 1, out: '', err: expect.stringContaining(words) })
    expect(versions()).toEqual(before)
    running.close()
  })

  test('leaves a file that no Atlas has filled yet as it is', async () => {
    writeFileSync(file, '')
    expect((await run('list')).err).toContain('Start this Atlas once first')
    using seen = new Database(file)
    expect(seen.query('SELECT name FROM sqlite_schema').all()).toEqual([])
  })

  const wrongly = [[], ['create'], ['revoke'], ['list', 'all'], ['create', 'two', 'words'], ['fly']]
  test.each(wrongly.map((args) => [args]))('called with %j gives its usage and exits 2', async (args) => {
    expect(await run(...args)).toEqual({
      exitCode: 2,
      out: '',
      err: 'Usage: atlas token create NAME | list | revoke ID',
    })
  })
})
