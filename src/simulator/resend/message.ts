/** A mail as its sender describes it, with nothing left to be wrong. */
export type Message = {
  from: string
  to: string[]
  cc: string[]
  bcc: string[]
  reply_to: string[]
  subject: string
  html?: string
  text?: string
  headers: Record<string, string>
}

type Input = Record<string, unknown>

const RECIPIENTS_MAX = 50
const ADDRESS = /^[^\s@<>]+@[^\s@<>.]+(\.[^\s@<>.]+)+$/
const NAMED_ADDRESS = /^[^<>\r\n]*<([^<>]+)>$/

/** Thrown inside the twin to answer with one of Resend's documented errors. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message)
  }
}

/** Reads the body of `POST /emails`. Throws Refusal, as Resend does, at the first thing that is missing or malformed. */
export function readMessage(body: string): Message {
  const input = readBody(body)
  for (const field of ['from', 'to', 'subject']) requireField(input, field)
  if (!input.html && !input.text)
    throw new Refusal(422, 'missing_required_field', 'Missing `html` or `text` field.')
  return {
    from: readAddress('from', input.from),
    to: readAddresses('to', input.to),
    cc: readAddresses('cc', input.cc),
    bcc: readAddresses('bcc', input.bcc),
    reply_to: readAddresses('reply_to', input.reply_to),
    subject: readText('subject', input.subject) ?? '',
    html: readText('html', input.html),
    text: readText('text', input.text),
    headers: readHeaders(input.headers),
  }
}

function readBody(body: string): Input {
  try {
    const input: unknown = JSON.parse(body)
    if (typeof input === 'object' && input !== null && !Array.isArray(input)) return input as Input
  } catch {
    // Not JSON at all: the same refusal as for JSON that is no object.
  }
  throw new Refusal(400, 'validation_error', 'The request body must be a JSON object.')
}

function requireField(input: Input, field: string): void {
  const value = input[field]
  if (value === undefined || value === null || value === '' || (Array.isArray(value) && value.length === 0)) {
    throw new Refusal(422, 'missing_required_field', `Missing \`${field}\` field.`)
  }
}

function readAddresses(field: string, value: unknown): string[] {
  if (value === undefined || value === null) return []
  const list: unknown[] = Array.isArray(value) ? value : [value]
  if (list.length > RECIPIENTS_MAX) {
    throw new Refusal(
      422,
      'validation_error',
      `The \`${field}\` field takes at most ${RECIPIENTS_MAX} addresses.`,
    )
  }
  return list.map((one) => readAddress(field, one))
}

function readAddress(field: string, value: unknown): string {
  if (typeof value === 'string') {
    const bare = NAMED_ADDRESS.exec(value)?.[1] ?? value
    if (ADDRESS.test(bare) && !/[\r\n]/.test(value)) return value
  }
  throw new Refusal(
    422,
    'validation_error',
    `Invalid \`${field}\` field. The email address needs to follow the \`email@example.com\` or \`Name <email@example.com>\` format.`,
  )
}

function readText(field: string, value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value === 'string') return value
  throw new Refusal(422, 'validation_error', `The \`${field}\` field must be a string.`)
}

function readHeaders(value: unknown): Record<string, string> {
  if (value === undefined || value === null) return {}
  if (typeof value === 'object' && Object.values(value).every((one) => typeof one === 'string')) {
    return value as Record<string, string>
  }
  throw new Refusal(422, 'validation_error', 'The `headers` field must be an object of strings.')
}
