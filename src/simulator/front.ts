import type { Server } from 'bun'
import { Faults, ReplyLost } from './faults'
import type { Exchange, Twin } from './twin'
import type { World } from './world'

export type Observer = (exchange: Exchange) => void

const JOURNAL_MAX = 500

/** The one HTTP door of the simulator: finds the twin by path, lets faults happen, keeps a journal. */
export class Front {
  readonly faults: Faults
  /** The last calls, newest last. */
  readonly journal: Exchange[] = []
  /** Whether the journal leaves out headers and bodies, for whoever asks for millions of calls. */
  isBrief = false
  private readonly observers = new Set<Observer>()
  private server?: Server<undefined>

  constructor(
    private readonly world: World,
    private readonly twins: Twin[],
    private readonly pages: (request: Request) => Promise<Response | null>,
  ) {
    this.faults = new Faults(world)
  }

  /** Calls `observer` with every exchange from now on; the returned function ends it. */
  observe(observer: Observer): () => void {
    this.observers.add(observer)
    return () => this.observers.delete(observer)
  }

  listen(port: number): string {
    this.server = Bun.serve({
      port,
      hostname: '127.0.0.1',
      idleTimeout: 0,
      development: false,
      // Bun shares a port by default when not in development: a second server would take half of the visitors.
      reusePort: false,
      fetch: (request) => this.answer(request),
    })
    return `http://127.0.0.1:${this.server.port}`
  }

  async stop(): Promise<void> {
    await this.server?.stop(true)
  }

  /** Answers one request; a lost reply breaks the connection. */
  async answer(request: Request): Promise<Response> {
    try {
      return await this.exchange(request)
    } catch (thrown) {
      if (!(thrown instanceof ReplyLost)) throw thrown
      return brokenConnection()
    }
  }

  /** Answers one request of this process. Throws ReplyLost where the connection would break. */
  async exchange(request: Request): Promise<Response> {
    const twin = this.twinOf(request)
    if (!twin) return (await this.pages(request)) ?? new Response('not found', { status: 404 })
    const copy = this.isBrief ? request : (request.clone() as Request)
    try {
      const response = await this.faults.through(twin, request)
      await this.note(twin, copy, this.isBrief ? response : (response.clone() as Response))
      return response
    } catch (thrown) {
      if (thrown instanceof ReplyLost) await this.note(twin, copy, null)
      throw thrown
    }
  }

  /** The twin that a request is for; undefined when it is for a page. */
  twinOf(request: Request): Twin | undefined {
    const { pathname } = new URL(request.url)
    return this.twins.find((t) => pathname === t.prefix || pathname.startsWith(`${t.prefix}/`))
  }

  private async note(twin: Twin, request: Request, response: Response | null): Promise<void> {
    const url = new URL(request.url)
    const exchange: Exchange = {
      at: this.world.now(),
      provider: twin.name,
      verb: twin.verbOf(request),
      method: request.method,
      path: url.pathname.slice(twin.prefix === '/v1' ? 0 : twin.prefix.length) + url.search,
      status: response?.status ?? 0,
      ...(this.isBrief ? NOTHING_SAID : await saidIn(request, response)),
    }
    this.journal.push(exchange)
    if (this.journal.length > JOURNAL_MAX) this.journal.shift()
    for (const observer of this.observers) observer(exchange)
  }
}

const NOTHING_SAID = {
  requestHeaders: {} as Record<string, string>,
  requestBody: '',
  responseHeaders: {},
  responseBody: '',
}

async function saidIn(request: Request, response: Response | null): Promise<typeof NOTHING_SAID> {
  return {
    requestHeaders: Object.fromEntries(request.headers),
    requestBody: await request.text(),
    responseHeaders: response ? Object.fromEntries(response.headers) : {},
    responseBody: (await response?.text()) ?? '',
  }
}

/** An answer whose body fails at once: Bun resets the connection, and the client sees ECONNRESET. */
function brokenConnection(): Response {
  return new Response(
    new ReadableStream({
      start(controller) {
        // Without a reason: Bun would print it as if it were a mistake of ours.
        controller.error()
      },
    }),
  )
}
