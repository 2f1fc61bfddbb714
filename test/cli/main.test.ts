import { afterEach, beforeEach, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const MAIN = join(import.meta.dir, '../../src/main.ts')

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'atlas-main-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

test('a command whose reader has gone ends without a word', async () => {
  const args = ['demo', '--story', '--port', '0', '--speed', '100', '--data', folder]
  const shell = Bun.spawn(
    ['sh', '-c', '{ "$@"; echo "ended with $?" >&2; } | head -n 1', 'sh', process.execPath, MAIN, ...args],
    { stdout: 'ignore', stderr: 'pipe' },
  )
  expect(await new Response(shell.stderr).text()).toBe('ended with 0\n')
})
