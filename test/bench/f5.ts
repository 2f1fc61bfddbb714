/** F5: how soon the compiled binary answers, and how much memory it holds when nothing happens. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort, freshBinary, withAtlas } from './binary.ts'
import { completeEnvironment } from './environment.ts'
import { fleetEnvironment } from './fleet.ts'
import { residentMb } from './machine.ts'
import type { Result } from './run.ts'

const starts = 7
const idleMs = 5_000
const firstAnswerMsMax = 150
const residentMbMax = 100
const fleetMbMax = 150
const fleet = 10_000

export async function measure(): Promise<Result> {
  const binary = await freshBinary()
  const firstAnswersMs: number[] = []
  let idleMb = 0
  for (let start = 1; start <= starts; start++)
    await inEmptyFolder((env) =>
      withAtlas(binary, env, async ({ pid, firstAnswerMs }) => {
        firstAnswersMs.push(firstAnswerMs)
        if (start === starts) idleMb = await idleResidentMb(pid)
      }),
    )
  const env = await fleetEnvironment(fleet)
  const fleetMb = await withAtlas(binary, env, ({ pid }) => idleResidentMb(pid))
  return judge(firstAnswersMs, idleMb, fleetMb)
}

/** The verdict on these waits for a first answer, of which the median counts, and on this memory. */
export function judge(firstAnswersMs: number[], idleMb: number, fleetMb: number): Result {
  const median = firstAnswersMs.toSorted((a, b) => a - b)[firstAnswersMs.length >> 1]!
  return {
    line: `first_answer_ms=${median.toFixed(0)} rss_mb=${idleMb.toFixed(0)} rss_with_10000_tenants_mb=${fleetMb.toFixed(0)}`,
    pass: median <= firstAnswerMsMax && idleMb <= residentMbMax && fleetMb <= fleetMbMax,
  }
}

async function idleResidentMb(pid: number): Promise<number> {
  await Bun.sleep(idleMs)
  return residentMb(pid)
}

async function inEmptyFolder(use: (env: Record<string, string>) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'atlas-bench-data-'))
  try {
    await use(completeEnvironment(freePort(), join(folder, 'data')))
  } finally {
    rmSync(folder, { recursive: true })
  }
}
