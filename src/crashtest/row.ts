import type { Shop } from './shop'
import type { Story } from './story'

/** One thing that went wrong: where, what, and the story that brings it back when there is one. */
export type Wrong = { where: string; what: string[]; story?: Story }

/** What a row, or a process's share of it, came to. */
export type Found = {
  /** How many stories were told. */
  tried: number
  wrong: Wrong[]
  /** Further figures, which shares are added up to. */
  figures: Record<string, number>
}

/** How much of a row is done, and by which of several processes. */
export type Task = {
  shop: Shop
  /** This process does every `of`-th story, from `part` on. */
  part: number
  of: number
  /** How many lives; the seeds from `seed` on. */
  seeds: number
  seed: number
  /** Only these kinds of runs, when there are any. */
  kinds: readonly string[]
  /** One of so many pairs of crashes is tried: 1 tries all. */
  everyPair: number
  /** Called after every story, with what was found so far. */
  onStory?: (found: Found) => void
}

/** What somebody asked for of a row, as far as its words depend on it. */
export type Asked = Pick<Task, 'kinds' | 'everyPair'>

/** One row of the bar. */
export type Row = {
  name: string
  /** What it tries, which may be less than it could. */
  says: string | ((asked: Asked) => string)
  /** How many seeds, when nobody says how many. */
  seeds?: number
  run(task: Task): Promise<Found>
  /** What keeps the figures from passing, when nothing went wrong by itself. */
  lacks?(found: Found, minutes: number): string | null
}

/** What a row says of itself when it is asked for in this way. */
export function wordsOf({ says }: Row, asked: Asked): string {
  return typeof says === 'string' ? says : says(asked)
}

/** What is said of pairs of crashes when one of so many is tried. */
export function pairsOf(everyPair: Asked['everyPair']): string {
  if (everyPair === 0) return 'no pairs of crashes'
  return everyPair === 1 ? 'every pair of crashes' : `one of ${everyPair} pairs of crashes`
}

/** Numbers the stories of a row, and picks those that are this process's to tell. */
export class Tally {
  readonly found: Found = { tried: 0, wrong: [], figures: {} }
  private number = 0

  constructor(private readonly task: Pick<Task, 'part' | 'of' | 'onStory'>) {}

  /** Whether the next story is mine. */
  get isMine(): boolean {
    return this.number++ % this.task.of === this.task.part
  }

  count(name: string, by = 1): void {
    this.found.figures[name] = (this.found.figures[name] ?? 0) + by
  }

  /** Notes what a story came to. */
  note(where: string, { wrong, story }: { wrong: string[]; story?: Story }): void {
    this.found.tried++
    if (wrong.length > 0) this.found.wrong.push({ where, what: wrong, story })
    this.task.onStory?.(this.found)
  }
}

/** The shares of several processes as one. */
export function sum(shares: readonly Found[]): Found {
  const figures: Record<string, number> = {}
  for (const share of shares) {
    for (const [name, value] of Object.entries(share.figures)) figures[name] = (figures[name] ?? 0) + value
  }
  const tried = shares.reduce((all, share) => all + share.tried, 0)
  return { tried, figures, wrong: shares.flatMap(({ wrong }) => wrong) }
}
