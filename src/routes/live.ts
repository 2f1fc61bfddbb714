import type { Html } from '../../views/jsx-runtime'
import type { Db } from '../db/open'
import type { LiveStreams } from './route'

const RENDER_EVERY_MS = 200
const HEARTBEAT_MS = 15_000
const STREAMS_MAX = 1_000

type Stream = { push(): void; beat(): void; close(): void }

/**
 * Server-sent events: each stream renders its fragment after commits, at most five times a second, and sends it
 * when it differs from what it sent last. So nothing has to name what it changed, and no change is missed.
 */
export class Live implements LiveStreams {
  private readonly streams = new Set<Stream>()
  private pending = false
  private readonly stopListening: () => void
  private readonly heartbeat: ReturnType<typeof setInterval>

  constructor(db: Db) {
    this.stopListening = db.onCommit(() => this.changed())
    this.heartbeat = setInterval(() => {
      for (const stream of this.streams) stream.beat()
    }, HEARTBEAT_MS)
    this.heartbeat.unref()
  }

  open(request: Request, render: () => Html | null): Response {
    if (this.streams.size >= STREAMS_MAX) return new Response(null, { status: 503 })
    const encoder = new TextEncoder()
    const streams = this.streams
    let stream: Stream
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        let last = ''
        const close = () => {
          if (!streams.delete(stream)) return
          controller.close()
        }
        stream = {
          close,
          beat: () => controller.enqueue(encoder.encode(': beat\n\n')),
          push: () => {
            const html = render()
            if (html === null) {
              controller.enqueue(encoder.encode('event: done\ndata: \n\n'))
              return close()
            }
            const text = html.toString()
            if (text === last) return
            last = text
            controller.enqueue(encoder.encode(eventOf(text)))
          },
        }
        streams.add(stream)
        request.signal.addEventListener('abort', () => streams.delete(stream), { once: true })
        stream.push()
      },
      cancel() {
        streams.delete(stream)
      },
    })
    return new Response(body, {
      headers: {
        'content-type': 'text/event-stream',
        'cache-control': 'no-store',
        'x-accel-buffering': 'no',
      },
    })
  }

  /** Ends every stream, so that the server can stop. */
  stop(): void {
    this.stopListening()
    clearInterval(this.heartbeat)
    for (const stream of [...this.streams]) stream.close()
  }

  private changed(): void {
    if (this.pending || this.streams.size === 0) return
    this.pending = true
    setTimeout(() => {
      this.pending = false
      for (const stream of [...this.streams]) stream.push()
    }, RENDER_EVERY_MS).unref()
  }
}

/** One message; every line of the fragment needs its own `data:`. */
function eventOf(text: string): string {
  return `${text
    .split(/\r\n|\r|\n/)
    .map((line) => `data: ${line}`)
    .join('\n')}\n\n`
}
