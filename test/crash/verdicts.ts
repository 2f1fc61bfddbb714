export type Verdict = { name: string; verdict: string }

/** What became of each row, read off the lines in which the rows say so themselves. */
export class Verdicts {
  readonly all: Verdict[] = []
  private readonly decoder = new TextDecoder()
  private rest = ''

  add(verdict: Verdict): void {
    this.all.push(verdict)
  }

  /** Takes what a process has printed since. */
  read(chunk: Uint8Array): void {
    const lines = (this.rest + this.decoder.decode(chunk, { stream: true })).split('\n')
    this.rest = lines.pop() ?? ''
    for (const line of lines) {
      const [, name, verdict] = /^(\w+) stories=\d.* (pass|short|fail) \(/.exec(line) ?? []
      if (name && verdict) this.add({ name, verdict })
    }
  }
}

/** All rows in a line, in the order of their names. */
export function inTheEnd(all: readonly Verdict[]): string {
  const sorted = all.toSorted((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }))
  const passed = all.filter(({ verdict }) => verdict === 'pass').length
  return `${passed} of ${all.length} rows pass: ${sorted.map(({ name, verdict }) => `${name} ${verdict}`).join(', ')}`
}
