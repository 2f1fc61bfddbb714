import { test } from 'bun:test'
import { remedy, type Tool, type ToolName, tools } from '../scripts/tools.ts'

/**
 * A test that drives a program of the machine, whose path `body` receives.
 * Where the program is missing the test is skipped and its name says what would bring it; with CI=true it fails.
 */
export function testWith(
  name: ToolName,
  title: string,
  body: (path: string) => unknown,
  timeoutMs = 30_000,
): void {
  const tool: Tool = tools[name]
  const path = tool.find()
  const lacking = `needs ${tool.command}: ${remedy(tool)}`
  const skipped = path === null && process.env.CI !== 'true'
  test.skipIf(skipped)(
    skipped ? `${title} (${lacking})` : title,
    async () => {
      if (path === null) throw new Error(lacking)
      await body(path)
    },
    timeoutMs,
  )
}
