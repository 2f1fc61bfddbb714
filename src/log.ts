import { AtlasError } from './errors'

type Fields = Record<string, unknown>

/** Writes what happens as one JSON line each, with every live secret blotted out. */
export class Log {
  private readonly secrets = new Set<string>()

  constructor(
    private readonly now: () => number,
    private readonly write: (line: string) => void = (line) => process.stderr.write(`${line}\n`),
  ) {}

  /** Makes sure that a secret never appears in a line, in plain or as JSON spells it. */
  hide(...secrets: (string | undefined)[]): void {
    for (const secret of secrets) {
      if (!secret || secret.length < 6) continue
      this.secrets.add(secret)
      this.secrets.add(JSON.stringify(secret).slice(1, -1))
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
    let clean = text
    for (const secret of this.secrets) clean = clean.replaceAll(secret, '[hidden]')
    return clean
  }

  private line(level: string, message: string, fields: Fields): void {
    const at = new Date(this.now()).toISOString()
    this.write(this.redact(JSON.stringify({ at, level, message, ...fields })))
  }
}

function describe(thrown: unknown): Fields {
  if (!(thrown instanceof Error)) return { error: String(thrown) }
  const code = thrown instanceof AtlasError ? { code: thrown.code, vendor_code: thrown.vendorCode } : {}
  const cause = thrown.cause ? { cause: describe(thrown.cause) } : {}
  return { error: thrown.message, ...code, stack: thrown.stack?.split('\n').slice(1, 6), ...cause }
}
