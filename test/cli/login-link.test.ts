import { Database } from 'bun:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ensureUser } from '../../src/accounts/organization'
import { loginLink } from '../../src/cli/login-link'
import { openDb } from '../../src/db/open'
import { users } from '../../src/db/schema'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'atlas-login-link-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

async function run(env: Record<string, string> = {}, ...args: string[]) {
  const out: string[] = []
  const err: string[] = []
  const io = { out: (line: string) => out.push(line), err: (line: string) => err.push(line) }
  const exitCode = await loginLink(args, io, { DATA_DIR: folder, ...env })
  return { exitCode, out: out.join('\n'), err: err.join('\n') }
}

describe('atlas login-link', () => {
  const file = () => join(folder, 'atlas.db')
  const open = () => openDb(file(), 1_000)

  test('makes a link for the configured operator, of which the database keeps no more than hashes', async () => {
    open().close()
    const { exitCode, out, err } = await run({
      ADMIN_EMAIL: ' Ada@example.com ',
      BASE_URL: 'https://atlas.example/',
    })
    expect(exitCode).toBe(0)
    const url = new URL(out)
    expect([url.origin, url.pathname]).toEqual(['https://atlas.example', '/login/confirm'])
    expect(err).toBe('It signs ada@example.com in, once and within 15 minutes.')
    const rows = JSON.stringify(new Database(file()).query('SELECT * FROM login_links').all())
    for (const half of url.searchParams.values()) expect(rows).not.toContain(half)
  })

  test('knows whoever has signed in before, and says where to open it', async () => {
    const db = open()
    expect(await run()).toMatchObject({ exitCode: 1, err: expect.stringContaining('set ADMIN_EMAIL') })
    db.write((tx) => {
      ensureUser(tx, 'ada@example.com', 1)
      tx.update(users).set({ isOperator: true }).run()
      ensureUser(tx, 'customer@example.com', 2)
    })
    const { out, err } = await run()
    expect(out).toStartWith('/login/confirm?token=')
    expect(err).toContain('It signs ada@example.com in')
    expect(err).toContain('Open it at the address of your Atlas.')
    db.close()
  })

  test('without a database says where it looked, and makes none', async () => {
    expect((await run()).err).toStartWith('DATA_DIR (./data unless it is set) holds no database')
    expect(readdirSync(folder)).toEqual([])
  })

  test('takes nothing else', async () => {
    expect(await run({}, 'ada@example.com')).toMatchObject({ exitCode: 2, out: '' })
  })
})
