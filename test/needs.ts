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

/** Why a group of tests cannot run on this machine. `proof` finds the same once more; without one it can be mended. */
export type Refusal = { reason: string; proof?: () => unknown }

/**
 * A group of tests on something that not every machine gives. Where it gives a refusal they are skipped, and a name says
 * why; with CI=true a test in their place proves that it cannot be otherwise, and without proof it fails.
 */
export function describeOn<Found extends object>(
  found: Found | Refusal,
  title: string,
  body: (found: Found) => void,
): void {
  if (!('reason' in found)) return void describe(title, () => body(found))
  const name = `${title} (${found.reason})`
  const inCi = process.env.CI === 'true'
  test.skipIf(!inCi)(inCi ? `${name} cannot be had here` : name, () => prove(title, found))
}

async function prove(title: string, { reason, proof }: Refusal): Promise<void> {
  if (!proof) throw new Error(reason)
  await proof()
  console.log(`${title}: not tested here, because ${reason}`)
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
