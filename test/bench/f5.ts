/** F5: how soon the compiled binary answers, and how much memory it holds when nothing happens. */
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from '../../scripts/build.ts'
import { completeEnvironment } from './environment.ts'
import { residentMb } from './machine.ts'
import type { Result } from './run.ts'

const root = join(import.meta.dir, '../..')
const starts = 7
const idleMs = 5_000
const startTimeoutMs = 10_000
const firstAnswerMsMax = 150
const residentMbMax = 100

export async function measure(): Promise<Result> {
  const binary = await freshBinary()
  const firstAnswersMs: number[] = []
  let idleMb = 0
  for (let start = 1; start <= starts; start++)
    await withAtlas(binary, async (pid, firstAnswerMs) => {
      firstAnswersMs.push(firstAnswerMs)
      if (start < starts) return
      await Bun.sleep(idleMs)
      idleMb = residentMb(pid)
    })
  return judge(firstAnswersMs, idleMb)
}

/** The verdict on these waits for a first answer, of which the median counts, and on this memory. */
export function judge(firstAnswersMs: number[], idleMb: number): Result {
  const median = firstAnswersMs.toSorted((a, b) => a - b)[firstAnswersMs.length >> 1]!
  return {
    line: `first_answer_ms=${median.toFixed(0)} rss_mb=${idleMb.toFixed(0)}`,
    pass: median <= firstAnswerMsMax && idleMb <= residentMbMax,
  }
}

/** The binary of the host, built anew where any of its sources is younger. */
async function freshBinary(): Promise<string> {
  const binary = join(root, 'dist/atlas')
  const sources = new Bun.Glob('{src,views,migrations,cloud-init}/**/*').scanSync({ cwd: root })
  const newestMs = Math.max(...['bun.lock', ...sources].map((path) => statSync(join(root, path)).mtimeMs))
  const builtMs = statSync(binary, { throwIfNoEntry: false })?.mtimeMs ?? 0
  return builtMs > newestMs ? binary : build('host')
}

/** Starts the binary in an empty folder, waits for its first page, and stops it when `look` is done. */
async function withAtlas(
  binary: string,
  look: (pid: number, firstAnswerMs: number) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'atlas-bench-'))
  const port = freePort()
  const env = completeEnvironment(port, join(folder, 'data'))
  const startedAt = performance.now()
  const atlas = Bun.spawn([binary, 'serve'], { cwd: folder, env, stdout: 'ignore', stderr: 'pipe' })
  try {
    await firstPage(`http://127.0.0.1:${port}/`, atlas, startedAt)
    await look(atlas.pid, performance.now() - startedAt)
  } finally {
    atlas.kill('SIGKILL')
    await atlas.exited
    rmSync(folder, { recursive: true })
  }
}

async function firstPage(
  address: string,
  atlas: Bun.Subprocess<'ignore', 'ignore', 'pipe'>,
  startedAt: number,
): Promise<void> {
  while (performance.now() - startedAt < startTimeoutMs) {
    if (atlas.exitCode !== null) throw new Error(`atlas serve ended: ${await atlas.stderr.text()}`)
    const status = await fetch(address).then(
      (response) => response.status,
      () => 0,
    )
    if (status === 200) return
    if (status !== 0) throw new Error(`${address} answered ${status}`)
    await Bun.sleep(1)
  }
  throw new Error(`no answer within ${startTimeoutMs} ms`)
}

function freePort(): number {
  const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response() })
  const port = server.port!
  server.stop(true)
  return port
}
