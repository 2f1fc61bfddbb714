import { type Clock, sleep } from '../clock'

export type Patience = {
  clock: Clock
  /** Ends all waiting. */
  stop?: AbortSignal
}

const PATIENCE_MS = 900_000
const LOOK_EVERY_MS = 150

/** What no repetition can mend. */
export class GiveUp extends Error {}

/** Waits until `test` holds; while it throws, as when Atlas is gone for a moment, it is tried again. */
export async function until(
  { clock, stop }: Patience,
  what: string,
  test: () => Promise<boolean>,
): Promise<void> {
  const deadline = clock.now() + PATIENCE_MS
  let last: unknown
  while (clock.now() < deadline) {
    try {
      if (await test()) return
    } catch (thrown) {
      if (thrown instanceof GiveUp) throw thrown
      last = thrown
    }
    await sleep(clock, LOOK_EVERY_MS, stop)
  }
  const why = last instanceof Error ? ` The last try said: ${last.message}` : ''
  throw new Error(`Waited too long for ${what}.${why}`, { cause: last })
}

/** Tries until it goes well; resolves to what came of it. */
export async function insist<T>(patience: Patience, attempt: () => Promise<T>): Promise<T> {
  const results: T[] = []
  await until(patience, 'an answer', async () => results.push(await attempt()) > 0)
  return results[0] as T
}
