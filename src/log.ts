import { AtlasError } from './errors'

type Fields = Record<string, unknown>

// What makes a pre-signed address worth having. There are too many of them to know each.
const SIGNATURE = /(X-Amz-Signature(?:=|%3D|%253D))[0-9a-f]+/gi
// Shorter ones would blot out words that only look like them.
const SECRET_CHARS_MIN = 6

/** Writes what happens as one JSON line each, with every live secret blotted out. */
export class Log {
  private readonly secrets = new Set<string>()

  constructor(
    private readonly now: () => number,
    private readonly write: (line: string) => void = (line) => process.stderr.write(`${line}\n`),
  ) {}

  /** Makes sure that a secret never appears, in plain or as JSON, JSON within JSON or an address spells it. */
  hide(...secrets: (string | undefined)[]): void {
    for (const secret of secrets.flatMap((value) => (value ? [value, ...linesOf(value)] : []))) {
      if (secret.length < SECRET_CHARS_MIN) continue
      const inJson = JSON.stringify(secret).slice(1, -1)
      const spellings = [secret, inJson, JSON.stringify(inJson).slice(1, -1), encodeURIComponent(secret)]
      for (const spelling of spellings) this.secrets.add(spelling)
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

  /** The text without any secret that this log knows. */
  redact(text: string): string {
    let clean = text.replace(SIGNATURE, '$1[hidden]')
    for (const secret of this.secrets) clean = clean.replaceAll(secret, '[hidden]')
    return clean
  }

  private line(level: string, message: string, fields: Fields): void {
    const at = new Date(this.now()).toISOString()
    this.write(this.redact(JSON.stringify({ at, level, message, ...fields })))
  }
}

// A machine's log shows a PEM a line at a time.
function linesOf(secret: string): string[] {
  return secret.split(/\r?\n|\\n/).filter((line) => line !== secret && !line.startsWith('-----'))
}

function describe(thrown: unknown): Fields {
  if (!(thrown instanceof Error)) return { error: String(thrown) }
  const code = thrown instanceof AtlasError ? { code: thrown.code, vendor_code: thrown.vendorCode } : {}
  const cause = thrown.cause ? { cause: describe(thrown.cause) } : {}
  return { error: thrown.message, ...code, stack: thrown.stack?.split('\n').slice(1, 6), ...cause }
}
