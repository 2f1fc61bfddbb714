import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { crashtest } from '../../src/cli/crashtest'

const MAIN = join(import.meta.dir, '../../src/main.ts')
const TIMEOUT_MS = 60_000

/** What the command says, in this process: enough for what it refuses. */
async function said(...args: string[]) {
  const lines: string[] = []
  const write = (line: string) => void lines.push(line)
  return { code: await crashtest(args, { out: write, err: write }), text: lines.join('\n') }
}

test('a kind or a row that there is not is refused with those that there are', async () => {
  const kind = await said('--kind', 'typo')
  expect(kind.code).toBe(2)
  expect(kind.text).toContain('There is no kind typo, only provision, undo, suspend')
  const row = await said('--row', 'A1', '--row', 'A99')
  expect(row.code).toBe(2)
  expect(row.text).toContain('There is no row A99, only A1, A2, A3')
})

test(
  'a row that tried nothing falls short',
  async () => {
    const nothing = [
      ['--row', 'A3', '--seeds', '0'],
      ['--row', 'dangling', '--kind', 'suspend'],
    ]
    for (const args of nothing) {
      const child = Bun.spawn([process.execPath, MAIN, 'crashtest', ...args], { stdout: 'pipe' })
      expect(await child.stdout.text()).toMatch(/ stories=0 .* short .*\n {3}nothing was tried/)
      expect(await child.exited).toBe(1)
    }
  },
  TIMEOUT_MS,
)
