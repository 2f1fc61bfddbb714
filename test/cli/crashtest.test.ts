import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { crashtest } from '../../src/cli/crashtest'
import { wordsOf } from '../../src/crashtest/row'
import { crashes } from '../../src/crashtest/rows/crashes'

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
  expect(kind.text).toContain('There is no kind typo, only provision, undo, ')
  const row = await said('--row', 'A1', '--row', 'A99')
  expect(row.code).toBe(2)
  expect(row.text).toContain('There is no row A99, only A2, A3')
})

test.each([
  ['dance', '{"seed":1,"customers":[{"name":"ada","plan":"pro","acts":[{"kind":"dance","after":1}]}]}'],
  [
    'lost reply',
    '{"seed":1,"customers":[],"weather":[{"call":"stripe GET /prices","nth":1,"how":"lost reply"}]}',
  ],
  ['customers', '{"seed":1}'],
  ['tornado', '{"seed":1,"customers":[],"tornado":true}'],
  ['JSON', '{"seed":1,'],
])('a story with something that nobody knows is refused: %s', async (what, story) => {
  const { code, text } = await said('--story', story)
  expect(code).toBe(2)
  expect(text.split('\n')[0]).toContain(what)
})

test(
  'what was left out is said, and where the control broke is named',
  async () => {
    const tells = async (...args: string[]) => {
      const child = Bun.spawn([process.execPath, MAIN, 'crashtest', ...args], { stdout: 'pipe' })
      return child.stdout.text()
    }
    const none = await tells('--kind', 'suspend', '--pairs', '0')
    expect(none).toMatch(
      /^A1 .*singles=\d+ pairs_left_out=\d+ .*a crash .* of suspend, and no pairs of crashes\)/,
    )
    const some = await tells('--kind', 'suspend', '--pairs', '199')
    expect(some).toMatch(/^A1 .*pairs=\d+ .*and one of 199 pairs of crashes\)/)
    expect(await tells('--row', 'A2', '--kind', 'delete')).toMatch(
      /\n {3}delete breaks at during ssh stop: 1\n/,
    )
  },
  TIMEOUT_MS,
)

test('a row that tries everything says so', () => {
  expect(wordsOf(crashes, { kinds: [], everyPair: 1 })).toEndWith(
    'of every kind of run, and every pair of crashes',
  )
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
