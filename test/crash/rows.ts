import { SystemClock } from '../../src/clock'
import { Killing } from './killing'
import { AtlasProcess, CloudsProcess } from './processes'

/** One row of the bar that needs processes: its figures, and whatever went wrong. */
export type Ran = {
  name: string
  says: string
  figures: Record<string, number>
  wrong: string[]
  /** What keeps it from passing, when nothing went wrong. */
  lack?: string
}

const PHASES_MIN = 8
const SECOND_ENDS_WITHIN_MS = 2_000

/** A4: `kill -9` of the compiled binary while customers sign up, pay and are provisioned. */
export async function kills(
  binary: string,
  count: number,
  seed: number,
  onKill: (count: number) => void,
): Promise<Ran> {
  const killing = await Killing.done({ kills: count, seed, program: [binary], onKill })
  try {
    const integrity = killing.integrity()
    const wrong = [
      ...(await killing.problems()),
      ...killing.forgotten().map((id) => `the acknowledged webhook ${id} is gone`),
      ...(integrity === 'ok' ? [] : [`the database is not whole: ${integrity}`]),
    ]
    const figures = {
      kills: killing.hits.length,
      stories: killing.customers.length,
      acknowledged: killing.webhooks.acknowledged.length,
      phases: new Set(killing.hits).size,
    }
    const lack = lackOf(figures)
    return { name: 'A4', says: 'kill -9 of the compiled binary under load', figures, wrong, lack }
  } finally {
    await killing.end()
  }
}

/** What an idle Atlas could pass as well is no proof. */
export function lackOf({
  acknowledged,
  phases,
}: {
  acknowledged: number
  phases: number
}): string | undefined {
  if (acknowledged === 0) return 'no write was acknowledged'
  return phases < PHASES_MIN ? `only ${phases} phases were hit, not ${PHASES_MIN}` : undefined
}

/** A9: a second Atlas on the same database ends by itself, soon and with a clear message; the first lives on. */
export async function second(binary: string): Promise<Ran> {
  const clock = new SystemClock()
  const clouds = await CloudsProcess.start(1)
  const first = new AtlasProcess(clouds.environment, clouds.dir, [binary])
  try {
    await first.up()
    const startedAt = clock.now()
    const env = { PATH: process.env.PATH, ...clouds.environment }
    const other = Bun.spawn([binary, 'serve'], { env, stdout: 'ignore', stderr: 'pipe' })
    const [words, code] = await Promise.all([new Response(other.stderr).text(), other.exited])
    const tookMs = clock.now() - startedAt
    await first.up()
    const wrong = [
      ...(code === 1 ? [] : [`it ended with ${code}`]),
      ...(tookMs <= SECOND_ENDS_WITHIN_MS ? [] : [`it took ${tookMs} ms`]),
      ...(/another atlas/i.test(words) ? [] : [`it said: ${words.trim()}`]),
    ]
    return { name: 'A9', says: 'two processes on one database', figures: { took_ms: tookMs }, wrong }
  } finally {
    await first.end()
    await clouds.end()
  }
}
