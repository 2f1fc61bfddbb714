import { type Clock, SystemClock, sleep } from '../clock'
import type { Output } from './output'
import type { Remote } from './remote'

/** A run as the API tells it. */
export type ToldRun = {
  id: string
  kind: string
  status: 'queued' | 'running' | 'waiting' | 'succeeded' | 'failed' | 'cancelled'
  direction: 'forward' | 'undo'
  reason: string | null
  steps: { name: string; title: string; status: string; reason: string | null }[]
}

const LOOK_EVERY_MS = 500

/**
 * Follows a run to its end and tells each step as it ends. Resolves to 0 when it came to the end that was wanted: to
 * succeed, or for a run that is taken back, to be cancelled.
 */
export async function followRun(
  remote: Remote,
  io: Output,
  runId: string,
  { stop, clock = new SystemClock() }: { stop?: AbortSignal; clock?: Clock } = {},
): Promise<number> {
  const told = new Set<string>()
  for (;;) {
    const run = await remote.ask<ToldRun>('GET', `/api/admin/runs/${runId}`)
    tellNews(run, told, io)
    if (run.status === 'succeeded' || run.status === 'cancelled') {
      io.err(`The run has ${run.status === 'succeeded' ? 'succeeded' : 'been taken back'}.`)
      return run.status === 'succeeded' || run.direction === 'undo' ? 0 : 1
    }
    if (run.status === 'failed') {
      io.err(`The run stopped: ${run.reason ?? 'no reason was recorded'}`)
      return 1
    }
    await sleep(clock, LOOK_EVERY_MS, stop)
  }
}

const WORDS: Record<string, string> = {
  succeeded: 'done',
  failed: 'failed',
  undone: 'undone',
  waiting: 'waits',
}

function tellNews({ steps }: ToldRun, told: Set<string>, io: Output): void {
  for (const { name, title, status, reason } of steps) {
    const word = WORDS[status]
    const line = `${word?.padEnd(7)} ${title}${status === 'waiting' && reason ? `: ${reason}` : ''}`
    const news = `${name} ${status === 'waiting' ? line : status}`
    if (!word || told.has(news)) continue
    told.add(news)
    io.out(line)
  }
}
