import { inPage } from './in-page.ts'
import type { Visitor } from './visitor.ts'

export type Followed = {
  /** The steps that were seen at work, in order. */
  steps: string[]
  /** Whether the page was the same to the end: no reload, nothing torn down and drawn anew. */
  samePage: boolean
  /** Whether what had the focus kept it. */
  sameFocus: boolean
}

// Looks after every change of the page until the run has ended, as a person who keeps their eyes on it.
const FOLLOW = `new Promise((resolve) => {
  const steps = new Set()
  const first = document.querySelector('.rail-item')
  const link = document.querySelector('.breadcrumb a')
  link.focus()
  const look = () => {
    for (const step of document.querySelectorAll('.rail-active, .rail-paused'))
      steps.add(step.querySelector('.rail-title').firstChild.textContent.trim())
    if (!/succeeded|failed|cancelled/.test(document.querySelector('.page-title .badge').textContent)) return
    observer.disconnect()
    resolve({ steps: [...steps], samePage: first.isConnected, sameFocus: document.activeElement === link })
  }
  const observer = new MutationObserver(look)
  observer.observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true })
  look()
})`

/** Watches a run's page until the run has ended. */
export function followRun({ page }: Visitor): Promise<Followed> {
  return inPage(page, FOLLOW)
}
