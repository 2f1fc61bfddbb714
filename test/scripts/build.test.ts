import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { version } from '../../package.json'
import { compile, wantedTargets } from '../../scripts/build.ts'

const program = `
import htmx from 'htmx.org/dist/htmx.min.js' with { type: 'text' }
import migration from './migration.sql' with { type: 'text' }
import { Client } from 'ssh2'
const { late } = await import('./late.ts')
console.log(JSON.stringify({
  htmx: htmx.length, migration, ssh: typeof Client, late,
  version: process.env.ATLAS_VERSION, commit: process.env.ATLAS_COMMIT,
  planted: process.env.PLANTED ?? null, preloaded: globalThis.preloaded ?? null,
}))`

describe('a compiled program', () => {
  // Beside the packages, so that the program finds them as Atlas does.
  mkdirSync(join(import.meta.dir, '../../dist'), { recursive: true })
  const folder = mkdtempSync(join(import.meta.dir, '../../dist/test-'))
  const elsewhere = mkdtempSync(join(tmpdir(), 'atlas-elsewhere-'))
  const binary = join(folder, 'program')

  beforeAll(async () => {
    await Bun.write(join(folder, 'main.ts'), program)
    await Bun.write(join(folder, 'migration.sql'), 'SELECT 1')
    await Bun.write(join(folder, 'late.ts'), 'export const late = true')
    await compile(join(folder, 'main.ts'), binary)
  }, 60_000)

  afterAll(() => {
    for (const path of [folder, elsewhere]) rmSync(path, { recursive: true })
  })

  function run(argv: string[]): Record<string, unknown> {
    const { stdout, stderr, success } = Bun.spawnSync(argv, { cwd: elsewhere, env: {} })
    if (!success) throw new Error(stderr.toString())
    return JSON.parse(stdout.toString())
  }

  test('holds its texts, its packages and its version, and needs no file of its folder', () => {
    const said = run([binary])
    expect(said).toMatchObject({ migration: 'SELECT 1', ssh: 'function', late: true, version })
    expect(said.htmx).toBeGreaterThan(10_000)
    expect(said.commit).toMatch(/^([0-9a-f]{12}\+?|unknown)$/)
  })

  test('ignores settings that somebody planted where it is started, which plain Bun obeys', async () => {
    await Bun.write(join(elsewhere, '.env'), 'PLANTED=yes')
    await Bun.write(join(elsewhere, 'bunfig.toml'), 'preload = ["./planted.ts"]')
    await Bun.write(join(elsewhere, 'planted.ts'), 'globalThis.preloaded = true')
    expect(run([binary])).toMatchObject({ planted: null, preloaded: null })
    expect(run([process.execPath, join(folder, 'main.ts')])).toMatchObject({
      planted: 'yes',
      preloaded: true,
    })
  })
})

test('the build is for this machine, or for the processors it is asked for', () => {
  expect(wantedTargets(undefined)).toEqual(['host'])
  expect(wantedTargets('arm64')).toEqual(['arm64'])
  expect(wantedTargets('all')).toEqual(['x64', 'arm64'])
  expect(wantedTargets('mips')).toBeNull()
})
