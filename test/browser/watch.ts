import type { BrowserContext, ConsoleMessage, Page } from 'playwright-core'
import { inPage } from './in-page.ts'

// Runs in every page before its own scripts; what it writes arrives with the page's other errors.
const REPORT_VIOLATIONS = `document.addEventListener('securitypolicyviolation', (event) =>
  console.error('violation of ' + event.effectiveDirective + ' by ' + event.blockedURI))`

/** Notes everything that a page should never do, in all pages of a context. */
export class Watch {
  readonly problems: string[] = []
  private readonly intended: number[] = []

  constructor(context: BrowserContext) {
    context.on('console', (message) => this.read(message))
    context.on('weberror', (error) => this.problems.push(`threw ${error.error()}`))
    context.on('page', (page) => page.on('crash', () => this.problems.push(`crashed at ${page.url()}`)))
  }

  /** Call before pages open. */
  static async on(context: BrowserContext): Promise<Watch> {
    await context.addInitScript(REPORT_VIOLATIONS)
    return new Watch(context)
  }

  /** The next answer of this status is meant, so Chromium's complaint about it is not a problem. */
  intend(status: number): void {
    this.intended.push(status)
  }

  /** What went wrong so far, and what was meant to be refused and was not. */
  report(): string[] {
    return [...this.problems, ...this.intended.map((status) => `no answer had the status ${status}`)]
  }

  private read(message: ConsoleMessage): void {
    if (message.type() !== 'error' && message.type() !== 'warning') return
    const status = Number(/^Failed to load resource: .* status of ([45]\d\d) /.exec(message.text())?.[1])
    const index = this.intended.indexOf(status)
    if (index >= 0) this.intended.splice(index, 1)
    else this.problems.push(`${message.type()} at ${message.page()?.url()}: ${message.text()}`)
  }
}

const TAB = `new Promise((resolve) => {
  const icon = document.querySelector('link[rel~="icon"]')
  const problems = document.title.trim() === '' ? ['has no title'] : []
  if (!icon) return resolve([...problems, 'has no icon'])
  const image = new Image()
  image.onload = () => resolve(problems)
  image.onerror = () => resolve([...problems, 'has no icon at ' + icon.href])
  image.src = icon.href
})`

/** A page's tab: problems with its title and its icon, which a person tells it from others by. */
export function tabProblems(page: Page): Promise<string[]> {
  return inPage(page, TAB)
}
