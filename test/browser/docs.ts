import { join } from 'node:path'
import type { Theme, Visitor } from './visitor.ts'

const DOCS = join(import.meta.dir, '../../docs')

const SIZES = {
  screenshot: { width: 1180, height: 1180 },
  tenant: { width: 1280, height: 1640 },
}
const isDrawing = process.env.UPDATE_SCREENSHOT === '1'

/** While pictures are drawn the clouds are slow enough for them. */
export const PICTURE_PACE = isDrawing ? { speed: 5 } : {}

/** With UPDATE_SCREENSHOT=1 keeps the page that an operator looks at as a picture in docs/, for dense screens. */
export async function pictureForDocs(
  { page, context }: Visitor,
  name: keyof typeof SIZES,
  theme: Theme,
): Promise<void> {
  if (!isDrawing) return
  const browser = context.browser()
  if (!browser) throw new Error('The browser is gone.')
  const dense = await browser.newContext({
    colorScheme: theme,
    viewport: SIZES[name],
    deviceScaleFactor: 1.4,
    storageState: await context.storageState(),
  })
  const copy = await dense.newPage()
  await copy.goto(page.url())
  const path = join(DOCS, theme === 'light' ? `${name}.png` : `${name}-${theme}.png`)
  await copy.screenshot({ path, animations: 'allow', caret: 'initial' })
  await dense.close()
}
