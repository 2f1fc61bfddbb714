import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from '../../scripts/build.ts'

const root = join(import.meta.dir, '../..')
const startTimeoutMs = 10_000

/** The binary of the host, built anew where any of its sources is younger. */
export async function freshBinary(): Promise<string> {
  const binary = join(root, 'dist/atlas')
  const sources = new Bun.Glob('{src,views,migrations,cloud-init}/**/*').scanSync({ cwd: root })
  const newestMs = Math.max(
    ...['bun.lock', 'scripts/build.ts', ...sources].map((path) => statSync(join(root, path)).mtimeMs),
  )
  const builtMs = statSync(binary, { throwIfNoEntry: false })?.mtimeMs ?? 0
  return builtMs > newestMs ? binary : build('host')
}

/** Starts the binary in an empty folder, waits for its first page, and stops it when `look` is done. */
export async function withAtlas<T>(
  binary: string,
  env: Record<string, string | undefined>,
  look: (atlas: { url: string; pid: number; firstAnswerMs: number }) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'atlas-bench-'))
  const url = `http://127.0.0.1:${env.PORT}`
  const startedAt = performance.now()
  const atlas = Bun.spawn([binary, 'serve'], { cwd: folder, env, stdout: 'ignore', stderr: 'pipe' })
  try {
    await firstPage(`${url}/`, atlas, startedAt)
    return await look({ url, pid: atlas.pid, firstAnswerMs: performance.now() - startedAt })
  } finally {
    atlas.kill('SIGKILL')
    await atlas.exited
    rmSync(folder, { recursive: true })
  }
}

/** A port that nothing uses right now. */
export function freePort(): number {
  const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response() })
  const { port = 0 } = server
  server.stop(true)
  return port
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
