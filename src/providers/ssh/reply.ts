import { stripVTControlCharacters } from 'node:util'
import * as v from 'valibot'
import { AtlasError, type ErrorCode } from '../../errors'

/** The agent's last line: what the command came to. */
export type AgentEnd =
  | { result: Record<string, unknown> }
  | {
      error: {
        code: Extract<ErrorCode, 'invalid' | 'not_found' | 'conflict' | 'unavailable' | 'internal'>
        message: string
        /** What else it said of what went wrong. */
        facts?: Record<string, unknown>
      }
    }

const LINE_MAX_BYTES = 256 * 1024
const OUTPUT_MAX_BYTES = 4 * 1024 * 1024
const MESSAGE_MAX_CHARS = 500

const End = v.union([
  v.object({ result: v.record(v.string(), v.unknown()) }),
  v.object({
    error: v.pipe(
      v.looseObject({
        code: v.picklist(['invalid', 'not_found', 'conflict', 'unavailable', 'internal']),
        message: v.pipe(
          v.string(),
          v.transform((message) => message.slice(0, MESSAGE_MAX_CHARS)),
        ),
      }),
      v.transform(({ code, message, ...facts }) =>
        Object.keys(facts).length > 0 ? { code, message, facts } : { code, message },
      ),
    ),
  }),
])
const Log = v.object({ log: v.string() })

/**
 * Reads the agent's output to its end, handing over each log line as it comes. Resolves to the last result or
 * error, or null when there was none. Throws `internal` when the output is larger than Atlas reads.
 */
export async function readReply(
  output: AsyncIterable<Buffer>,
  onLog: (line: string) => void = () => undefined,
): Promise<AgentEnd | null> {
  let end: AgentEnd | null = null
  for await (const line of linesOf(output)) {
    const value = parseJson(line)
    const log = v.safeParse(Log, value)
    if (log.success) {
      onLog(log.output.log)
      continue
    }
    const parsed = v.safeParse(End, value)
    if (parsed.success) end = parsed.output
    // Some program under the agent wrote past it: worth showing, never worth obeying.
    else onLog(plain(line))
  }
  return end
}

/** Text lines of a byte stream, without the empty ones; bounded, because a broken server may never stop. */
export async function* linesOf(output: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ''
  let totalBytes = 0
  for await (const chunk of output) {
    totalBytes += chunk.length
    rest += decoder.decode(chunk, { stream: true })
    const lines = rest.split('\n')
    rest = lines.pop() ?? ''
    if (totalBytes > OUTPUT_MAX_BYTES || rest.length > LINE_MAX_BYTES) throw tooMuch()
    for (const line of lines) if (line.trim()) yield line
  }
  if (rest.trim()) yield rest
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line, (_name, value) => (typeof value === 'string' ? plain(value) : value))
  } catch {
    return undefined
  }
}

/** Nothing that a server says may move the cursor of a terminal, or begin a line. */
function plain(text: string): string {
  return stripVTControlCharacters(text)
    .replace(/[\t\r\n]+/g, ' ')
    .replace(/\p{Cc}/gu, '')
}

function tooMuch(): AtlasError {
  return new AtlasError('internal', 'The server answered with more than Atlas reads from one command.', {
    vendorCode: 'too_much_output',
  })
}
