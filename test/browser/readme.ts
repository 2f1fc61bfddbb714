import { join } from 'node:path'
import type { Theme, Visitor } from './visitor.ts'

const DOCS = join(import.meta.dir, '../../docs')

/** With UPDATE_SCREENSHOT=1 keeps the page that an operator looks at as the README's picture, for dense screens. */
export async function pictureForReadme({ page, context }: Visitor, theme: Theme): Promise<void> {
  if (process.env.UPDATE_SCREENSHOT !== '1') return
  const browser = context.browser()
  if (!browser) throw new Error('The browser is gone.')
  const dense = await browser.newContext({
    colorScheme: theme,
    viewport: { width: 1180, height: 1130 },
    deviceScaleFactor: 1.4,
    storageState: await context.storageState(),
  })
  const copy = await dense.newPage()
  await copy.goto(page.url())
  const path = join(DOCS, theme === 'light' ? 'screenshot.png' : `screenshot-${theme}.png`)
  await copy.screenshot({ path, animations: 'allow', caret: 'initial' })
  await dense.close()
}
