/** What happened in a story, in its order, in lines that are the same whenever it is told. */
export class Trace {
  private readonly lines: { at: number; text: string }[] = []
  private readonly names = new Map<string, string>()
  private readonly counts = new Map<string, number>()

  constructor(private readonly beganAt: number) {}

  tell(at: number, text: string): void {
    this.lines.push({ at, text })
  }

  /** Lines such as `  12.345 hetzner POST /servers -> 201`, with seconds since the beginning. */
  read(): string[] {
    return this.lines.map(
      ({ at, text }) => `${((at - this.beganAt) / 1_000).toFixed(3).padStart(12)}  ${this.named(text)}`,
    )
  }

  /** Says whether two tellings were the same. */
  hash(): string {
    return new Bun.CryptoHasher('sha256').update(this.read().join('\n')).digest('hex').slice(0, 16)
  }

  /** Random ids and what is made of them, by their order: `ten_01k...` is the first tenant that was spoken of. */
  private named(text: string): string {
    return text
      .replace(IDS, (id, prefix: string) => this.nameOf(id, prefix))
      .replace(SERVER_NAMES, (name, subdomain: string, noise: string) =>
        this.nameOf(name, `${subdomain}-`, noise),
      )
  }

  private nameOf(id: string, prefix: string, key = id): string {
    const known = this.names.get(key)
    if (known) return known
    const number = (this.counts.get(prefix) ?? 0) + 1
    this.counts.set(prefix, number)
    const name = `${prefix}${prefix.endsWith('-') ? '' : '#'}${number}`
    this.names.set(key, name)
    return name
  }
}

/** Ids as `newId` makes them. */
const IDS =
  /\b(ins|org|usr|sig|ten|srv|sub|pay|run|stp|eff|msg|aud|rec|tok|bak|inc|rcn|fnd|rel|rol)_[0-9a-z]{23}\b/g
/** Servers are named after their tenant's subdomain and the end of its id. */
const SERVER_NAMES = /\b([a-z]+)-([0-9a-z]{6})\b/g
