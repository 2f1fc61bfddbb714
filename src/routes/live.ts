import { LiveUpdate } from '../../views/components/live'
import type { Html } from '../../views/jsx-runtime'
import { networkOf } from '../accounts/rate-limit'
import { unavailable } from '../errors'
import type { Services } from '../services'
import type { Call, LiveStreams, Part } from './route'

const RENDER_EVERY_MS = 200
const HEARTBEAT_MS = 15_000
const STREAMS_MAX = 1_000
// One person's tabs; more would let a single visitor fill the house.
const STREAMS_OF_ONE_MAX = 40
const BUSY_RETRY_MS = 30_000

const encoder = new TextEncoder()
const BEAT = encoder.encode(': beat\n\n')
const DONE = encoder.encode('event: done\ndata: \n\n')

/**
 * Server-sent events: each stream looks after commits, at most five times a second, and sends the fragment, or those
 * parts of a large page, that differ from what it sent last. So nothing has to name what it changed, and no change is
 * missed.
 */
export class Live implements LiveStreams {
  private readonly streams = new Set<Stream>()
  private isDue = false
  private stopListening: () => void
  private cancelBeat = () => {}

  constructor(private readonly services: Pick<Services, 'db' | 'clock' | 'log'>) {
    this.stopListening = services.db.onCommit(() => this.changed())
    this.beatLater()
  }

  open(call: Call, render: () => Html | null): Response {
    return this.begin(call, whatChanged(render))
  }

  openParts(call: Call, look: () => Part[], isShown: (part: Part) => boolean): Response {
    return this.begin(call, partsThatChanged(look, isShown))
  }

  private begin(call: Call, news: News): Response {
    const owner = call.session?.userId ?? networkOf(call.visitor.ip)
    this.makeSureOfRoom(owner)
    // What can't be shown at all is an error of this request, not of a stream that has begun.
    const first = news()
    const next = () => (call.mayStill() ? news() : 'over')
    const stream = new Stream(owner, next, (ended, thrown) => {
      this.streams.delete(ended)
      if (thrown) this.services.log.error('an event stream broke', thrown, { path: call.url.pathname })
    })
    this.streams.add(stream)
    stream.show(first)
    call.request.signal.addEventListener('abort', () => stream.close(), { once: true })
    return new Response(stream.body, {
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
    this.cancelBeat()
    for (const stream of [...this.streams]) stream.close()
  }

  private makeSureOfRoom(owner: string): void {
    const theirs = [...this.streams].filter((stream) => stream.owner === owner).length
    if (this.streams.size < STREAMS_MAX && theirs < STREAMS_OF_ONE_MAX) return
    throw unavailable('Too many pages follow along at once. Close some, then try again.', {
      retryAfterMs: BUSY_RETRY_MS,
    })
  }

  private changed(): void {
    if (this.isDue || this.streams.size === 0) return
    this.isDue = true
    const { clock } = this.services
    clock.at(clock.now() + RENDER_EVERY_MS, () => {
      this.isDue = false
      for (const stream of [...this.streams]) stream.push()
    })
  }

  private beatLater(): void {
    const { clock } = this.services
    this.cancelBeat = clock.at(clock.now() + HEARTBEAT_MS, () => {
      for (const stream of [...this.streams]) stream.beat()
      this.beatLater()
    })
  }
}

/** What its reader has not been sent yet, as markup; empty when there is nothing, null at the end of the stream. */
type News = () => string | null

function whatChanged(render: () => Html | null): News {
  let last = ''
  return () => {
    const text = render()?.toString() ?? null
    if (text === last) return ''
    last = text ?? ''
    return text
  }
}

function partsThatChanged(look: () => Part[], isShown: (part: Part) => boolean): News {
  const marks = new Map<string, string>()
  for (const { id, mark } of look().filter(isShown)) marks.set(id, mark)
  return () => {
    const changed = look().filter(({ id, mark }) => marks.get(id) !== mark)
    for (const { id, mark } of changed) marks.set(id, mark)
    return changed.length > 0 ? LiveUpdate({ parts: changed }).toString() : ''
  }
}

/** `over`: its reader may no longer see it. */
type Next = () => string | null | 'over'

/** One reader's stream. Each message says how things are now, so a slow reader misses some and none pile up. */
class Stream {
  readonly body: ReadableStream<Uint8Array>
  private controller!: ReadableStreamDefaultController<Uint8Array>
  private isBehind = false
  private isOpen = true

  constructor(
    readonly owner: string,
    private readonly next: Next,
    private readonly ended: (stream: Stream, thrown?: unknown) => void,
  ) {
    this.body = new ReadableStream({
      start: (controller) => {
        this.controller = controller
      },
      pull: () => {
        if (this.isBehind) this.push()
      },
      cancel: () => this.end(),
    })
  }

  /** Sends how things are now; a reader that has not taken the last one gets it later. */
  push(): void {
    this.isBehind = !this.hasRoom()
    if (this.isBehind || !this.isOpen) return
    try {
      this.show(this.next())
    } catch (thrown) {
      this.close(thrown)
    }
  }

  /** Keeps proxies from closing a quiet stream, and notices when its reader may no longer see it. */
  beat(): void {
    this.push()
    if (this.isOpen && this.hasRoom()) this.controller.enqueue(BEAT)
  }

  close(thrown?: unknown): void {
    if (!this.isOpen) return
    this.end(thrown)
    this.controller.close()
  }

  show(news: string | null | 'over'): void {
    if (news === null) this.controller.enqueue(DONE)
    if (news === null || news === 'over') this.close()
    else if (news !== '') this.controller.enqueue(encoder.encode(eventOf(news)))
  }

  private end(thrown?: unknown): void {
    this.isOpen = false
    this.ended(this, thrown)
  }

  private hasRoom(): boolean {
    return (this.controller.desiredSize ?? 0) > 0
  }
}

/** One message; every line of the fragment needs its own `data:`. */
function eventOf(text: string): string {
  return `${text
    .split(/\r\n|\r|\n/)
    .map((line) => `data: ${line}`)
    .join('\n')}\n\n`
}
