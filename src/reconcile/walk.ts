import { nextTurn } from '../clock'

/** So many things are gone through at a time; that is some milliseconds of work. */
const TOGETHER = 500

/** Goes through things and keeps what comes of them; every few hundred of them pages and the worker have their turn. */
export async function walk<T>(things: Iterable<T | null>): Promise<T[]> {
  const kept: T[] = []
  let count = 0
  for (const thing of things) {
    if (thing !== null) kept.push(thing)
    count += 1
    if (count % TOGETHER === 0) await nextTurn()
  }
  return kept
}
