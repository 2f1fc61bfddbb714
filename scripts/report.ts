/** What a test run came to. */
export type Report = { passed: number; failed: number; skipped: number }

/**
 * Reads the closing lines of `bun test` (` 12 pass`, ` 1 fail`, ` 2 skip`). A run that ends without them, or that
 * fails without naming a failure, counts as one failed check.
 */
export function readReport(output: string, exitCode: number | null): Report {
  const lines = Bun.stripANSI(output)
  const count = (word: string) => Number(lines.match(new RegExp(`^ *(\\d+) ${word}$`, 'm'))?.[1] ?? 0)
  const report = { passed: count('pass'), failed: count('fail'), skipped: count('skip') + count('todo') }
  const unexplained = report.failed === 0 && (exitCode !== 0 || report.passed + report.skipped === 0)
  return unexplained ? { ...report, failed: 1 } : report
}

/** The skipped tests in a JUnit report, as `file: group > name`. */
export function readSkipped(junit: string): string[] {
  return [...junit.matchAll(/<testcase ([^>]*[^/])>\s*<skipped/g)].map((match) => {
    const attributes = match[1]!
    const read = (name: string) =>
      unescapeXml(attributes.match(new RegExp(`\\b${name}="([^"]*)"`))?.[1] ?? '')
    const title = [read('classname'), read('name')].filter(Boolean).join(' > ')
    return `${read('file')}: ${title}`
  })
}

/** Exit code of a run: where CI asks for everything, a skipped test is no success. */
export function exitCode(report: Report, everythingMustRun: boolean): 0 | 1 {
  return report.failed > 0 || (everythingMustRun && report.skipped > 0) ? 1 : 0
}

function unescapeXml(text: string): string {
  const named: Record<string, string> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' }
  return text
    .replace(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)))
    .replace(/&(lt|gt|quot|apos|amp);/g, (_, name: string) => named[name]!)
}
