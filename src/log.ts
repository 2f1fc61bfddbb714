import { AtlasError } from './errors'

type Fields = Record<string, unknown>

// What makes a pre-signed address worth having. There are too many of them to know each.
const SIGNATURE = /(X-Amz-Signature(?:=|%3D|%253D))[0-9a-f]+/gi
// Shorter ones would blot out words that only look like them.
const SECRET_CHARS_MIN = 6
/** How much of a secret's beginning is hidden at the end of a text: machines cut what they say. */
const CUT_CHARS_MIN = 10
const PEM = '-----'

/** Writes what happens as one JSON line each, with every live secret blotted out. */
export class Log {
  /** By their first characters, so that a text is read once, however many secrets there are. */
  private readonly secrets = new Map<string, string | Set<string>>()

  constructor(
    private readonly now: () => number,
    private readonly write: (line: string) => void = (line) => process.stderr.write(`${line}\n`),
  ) {}

  /** Makes sure that a secret never appears, in plain or as JSON, JSON within JSON, an address, base64 or hex spells it. */
  hide(...secrets: (string | undefined)[]): void {
    for (const secret of secrets.flatMap((value) => (value ? [value, ...linesOf(value)] : []))) {
      if (secret.length < SECRET_CHARS_MIN || this.isKnown(secret)) continue
      const inJson = JSON.stringify(secret).slice(1, -1)
      const spellings = [secret, inJson, JSON.stringify(inJson).slice(1, -1), encodeURIComponent(secret)]
      for (const spelling of [...spellings, ...encodingsOf(secret)]) this.know(spelling)
    }
  }

  info(message: string, fields: Fields = {}): void {
    this.line('info', message, fields)
  }

  warn(message: string, fields: Fields = {}): void {
    this.line('warn', message, fields)
  }

  error(message: string, thrown: unknown, fields: Fields = {}): void {
    this.line('error', message, { ...fields, ...describe(thrown) })
  }

  /** The text without any secret that this log knows, nor the beginning of one that was cut at its end. */
  redact(text: string): string {
    const clean = text.replace(SIGNATURE, '$1[hidden]')
    let [shown, from] = ['', 0]
    for (let at = 0; at + SECRET_CHARS_MIN <= clean.length; ) {
      const length = this.secretAt(clean, at)
      if (length > 0) {
        shown += `${clean.slice(from, at)}[hidden]`
        from = at + length
      }
      at += Math.max(1, length)
    }
    return shown + clean.slice(from)
  }

  /** How many characters of a secret are there; 0 when it is none. */
  private secretAt(text: string, at: number): number {
    let longest = 0
    const known = this.secrets.get(text.slice(at, at + SECRET_CHARS_MIN)) ?? []
    for (const secret of typeof known === 'string' ? [known] : known) {
      const length = Math.min(secret.length, text.length - at)
      const isMeant = length === secret.length || (length >= CUT_CHARS_MIN && !isPem(secret))
      if (length > longest && isMeant && text.startsWith(secret.slice(0, length), at)) longest = length
    }
    return longest
  }

  private isKnown(spelling: string): boolean {
    const known = this.secrets.get(spelling.slice(0, SECRET_CHARS_MIN))
    return known instanceof Set ? known.has(spelling) : known === spelling
  }

  private know(spelling: string): void {
    const start = spelling.slice(0, SECRET_CHARS_MIN)
    const known = this.secrets.get(start)
    // Nearly all stand alone, and a set of one is several times as large.
    if (known === undefined) this.secrets.set(start, spelling)
    else if (known instanceof Set) known.add(spelling)
    else if (known !== spelling) this.secrets.set(start, new Set([known, spelling]))
  }

  private line(level: string, message: string, fields: Fields): void {
    const at = new Date(this.now()).toISOString()
    this.write(this.redact(JSON.stringify({ at, level, message, ...fields })))
  }
}

/** In hex, and in base64 of either alphabet as far as it is the same whatever stands before and after the secret. */
function encodingsOf(secret: string): string[] {
  const bytes = Buffer.from(secret)
  const base64 = [0, 1, 2].flatMap((before) => {
    const whole = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64')
    const own = whole.slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6))
    return [own, own.replaceAll('+', '-').replaceAll('/', '_')]
  })
  return [bytes.toString('hex'), ...base64]
}

// Every key begins with the same words; its lines are known one by one.
function isPem(secret: string): boolean {
  return secret.startsWith(PEM)
}

// A machine's log shows a PEM a line at a time.
function linesOf(secret: string): string[] {
  return secret.split(/\r?\n|\\n/).filter((line) => line !== secret && !isPem(line))
}

function describe(thrown: unknown): Fields {
  if (!(thrown instanceof Error)) return { error: String(thrown) }
  const code = thrown instanceof AtlasError ? { code: thrown.code, vendor_code: thrown.vendorCode } : {}
  const cause = thrown.cause ? { cause: describe(thrown.cause) } : {}
  return { error: thrown.message, ...code, stack: thrown.stack?.split('\n').slice(1, 6), ...cause }
}
