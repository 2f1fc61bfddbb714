/** What must not be found, by its name, and where it is meant to be all the same. */
type Canary = { name: string; value: string; mayBeIn?: RegExp; spellings: (string | Buffer)[] }

/** Secrets that are recognised wherever they turn up, however they are spelled. */
export class Canaries {
  private readonly known = new Map<string, Canary>()

  get values(): string[] {
    return [...this.known.keys()]
  }

  get names(): string[] {
    return [...this.known.values()].map(({ name }) => name)
  }

  /** Gives the value back. One that is known already keeps its first name. */
  remember(name: string, value: string | undefined, mayBeIn?: RegExp): string {
    if (!value) throw new Error(`${name} has no value`)
    if (!this.known.has(value)) {
      // Of one that was cut, a half is still too much.
      const half = value.length >= 24 ? [value.slice(0, Math.ceil(value.length / 2))] : []
      this.known.set(value, { name, value, mayBeIn, spellings: [...spellingsOf(value), ...half] })
    }
    return value
  }

  /** A key is lost with any of its lines. */
  rememberPem(name: string, pem: string, mayBeIn?: RegExp): void {
    const body = pem.split('\n').filter((line) => line.length > 15 && !line.startsWith('-----'))
    // The first lines hold the public half.
    for (const [at, line] of body.slice(2).entries()) {
      const known = { name: `${name}, line ${at + 3}`, value: line, mayBeIn, spellings: spellingsOf(line) }
      this.known.set(line, known)
    }
  }

  /** Names of those in a text that have no business there. */
  foundIn(text: string | Buffer, where: string): string[] {
    const bytes = Buffer.from(text)
    return [...this.known.values()]
      .filter(({ mayBeIn }) => !mayBeIn?.test(where))
      .filter(({ spellings }) => spellings.some((spelling) => bytes.includes(spelling)))
      .map(({ name }) => name)
  }

  /** Where among many texts any of them is, with its name; all are searched at once, as there is seldom anything. */
  foundAmong(texts: { title: string; text: string }[], where: string): string[] {
    if (this.foundIn(texts.map(({ text }) => text).join('\n'), where).length === 0) return []
    return texts.flatMap(({ title, text }) => this.foundIn(text, where).map((name) => `${name} in ${title}`))
  }
}

function spellingsOf(value: string): (string | Buffer)[] {
  const inJson = JSON.stringify(value).slice(1, -1)
  // Base64 of a text depends on where in the whole it begins: three ways, without the edges.
  const shifted = [0, 1, 2].map((shift) =>
    Buffer.from(`${'x'.repeat(shift)}${value}`)
      .toString('base64')
      .slice(4, -4),
  )
  const urlSafe = shifted.map((text) => text.replaceAll('+', '-').replaceAll('/', '_'))
  return [
    value,
    inJson,
    encodeURIComponent(value),
    Buffer.from(value).toString('hex'),
    ...shifted,
    ...urlSafe,
  ]
}
