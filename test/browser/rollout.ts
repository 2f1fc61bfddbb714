import { inPage } from './in-page.ts'
import type { Visitor } from './visitor.ts'

export type Watched = {
  /** The states of squares that were seen, each as its letter. */
  states: string[]
  /** How many tenants were deployed to at the same time, at most. */
  mostAtOnce: number
  /** Whether the squares were the same elements to the end: no reload, nothing but what changed drawn anew. */
  sameSquares: boolean
}

// Looks after every change of the page until the rollout says one of the words, as a person who keeps their eyes on it.
const WATCH = (words: string) => `new Promise((resolve) => {
  const states = new Set()
  const grid = document.querySelector('.squares-block')
  let mostAtOnce = 0
  const look = () => {
    for (const square of document.querySelectorAll('.squares a')) states.add(square.className)
    mostAtOnce = Math.max(mostAtOnce, document.querySelectorAll('.squares a.d').length)
    if (!${words}.test(document.querySelector('#rollout-head').textContent)) return
    observer.disconnect()
    resolve({ states: [...states].sort(), mostAtOnce, sameSquares: grid.isConnected })
  }
  const observer = new MutationObserver(look)
  observer.observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true })
  look()
})`

/** Watches a rollout's page until what stands above its squares says something. */
export function watchRollout({ page }: Visitor, words: RegExp): Promise<Watched> {
  return inPage(page, WATCH(String(words)))
}

/** How many squares are in each state, as they are drawn now. */
export async function countSquares({ page }: Visitor): Promise<Record<string, number>> {
  const states = await inPage<string[]>(
    page,
    "[...document.querySelectorAll('.squares a')].map((square) => square.className)",
  )
  const groups = Object.groupBy(states, (state) => state)
  return Object.fromEntries(Object.entries(groups).map(([state, all = []]) => [state, all.length]))
}
