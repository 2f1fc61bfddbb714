import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { axeProblems } from './axe.ts'
import { inPage } from './in-page.ts'
import { tabProblems, Watch } from './watch.ts'

export type Theme = 'light' | 'dark'
type Size = { width: number; height: number }

export const DESKTOP: Size = { width: 1280, height: 800 }
export const PHONE: Size = { width: 390, height: 844 }

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]
const ALBUM = join(import.meta.dir, 'screenshots')
// Beside other tests on a busy machine; who waits for what never comes waits no longer than that.
const PATIENCE_MS = 30_000

/** Debian's Chromium without a screen, with a new and empty profile. */
export function openBrowser(executablePath: string): Promise<Browser> {
  return chromium.launch({ executablePath, args: FLAGS })
}

/** A person at a browser: every page they look at is checked on a desktop and on a phone, and photographed on theirs. */
export class Visitor {
  private constructor(
    readonly page: Page,
    readonly watch: Watch,
    private readonly theme: Theme,
    private readonly size: Size,
  ) {}

  static async arrive(browser: Browser, theme: Theme, size: Size): Promise<Visitor> {
    const context = await browser.newContext({
      colorScheme: theme,
      viewport: size,
      timezoneId: 'Europe/Berlin',
    })
    context.setDefaultTimeout(PATIENCE_MS)
    const watch = await Watch.on(context)
    return new Visitor(await context.newPage(), watch, theme, size)
  }

  get context(): BrowserContext {
    return this.page.context()
  }

  /** The same person in another tab. */
  at(page: Page): Visitor {
    return new Visitor(page, this.watch, this.theme, this.size)
  }

  async newTab(): Promise<Visitor> {
    return this.at(await this.context.newPage())
  }

  /** Looks at the page as it is now, under a name for its photographs. */
  async look(name: string): Promise<void> {
    const { page } = this
    const found = [...(await tabProblems(page)), ...(await axeProblems(page))]
    const other = this.size === DESKTOP ? PHONE : DESKTOP
    for (const size of [other, this.size]) {
      await page.setViewportSize(size)
      if (await isTooWide(page)) found.push(`scrolls sideways at a width of ${size.width}`)
    }
    await this.photograph(`${name}-${this.theme}`)
    this.watch.problems.push(...found.map((problem) => `${name}: ${problem}`))
  }

  /** A picture of the whole page. Playwright's own ways to still it need styles that our pages' policy forbids. */
  async photograph(name: string): Promise<void> {
    mkdirSync(ALBUM, { recursive: true })
    const path = join(ALBUM, `${name}.png`)
    await this.page.screenshot({ path, fullPage: true, animations: 'allow', caret: 'initial' })
  }
}

function isTooWide(page: Page): Promise<boolean> {
  return inPage(page, 'document.documentElement.scrollWidth > document.documentElement.clientWidth')
}
