import { describe, test } from 'bun:test'
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
  const { path, skipped, lacking } = look(name)
  test.skipIf(skipped)(
    skipped ? `${title} (${lacking})` : title,
    async () => {
      if (path === null) throw new Error(lacking)
      await body(path)
    },
    timeoutMs,
  )
}

/** A group of such tests. */
export function describeWith(name: ToolName, title: string, body: (path: string) => void): void {
  const { path, skipped, lacking } = look(name)
  describe.skipIf(skipped)(skipped ? `${title} (${lacking})` : title, () => {
    if (path === null && !skipped) throw new Error(lacking)
    body(path ?? '')
  })
}

function look(name: ToolName): { path: string | null; skipped: boolean; lacking: string } {
  const tool: Tool = tools[name]
  const path = tool.find()
  return {
    path,
    skipped: path === null && process.env.CI !== 'true',
    lacking: `needs ${tool.command}: ${remedy(tool)}`,
  }
}
