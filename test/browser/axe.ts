import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright-core'
import { inPage } from './in-page.ts'

const source = readFileSync(fileURLToPath(import.meta.resolve('axe-core/axe.min.js')), 'utf8')

type Violation = {
  id: string
  impact: string
  help: string
  nodes: { target: string[]; failureSummary: string }[]
}

const RUN = `axe.run(document, { iframes: false, preload: false, resultTypes: ['violations'] })
  .then(({ violations }) => violations.map(({ id, impact, help, nodes }) =>
    ({ id, impact, help, nodes: nodes.map(({ target, failureSummary }) => ({ target, failureSummary })) })))`

/** What axe finds serious or critical on a page, a line a place. */
export async function axeProblems(page: Page): Promise<string[]> {
  const violations = await inPage<Violation[]>(page, `${source};${RUN}`)
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, help, nodes }) =>
      nodes.map(({ target, failureSummary }) => `${id}: ${help} at ${target.join(' ')} (${failureSummary})`),
    )
}
