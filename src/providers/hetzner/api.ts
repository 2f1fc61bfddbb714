import type { Clock } from '../../clock'
import { AtlasError } from '../../errors'
import { RateBudget } from './budget'
import { noAnswer, refusal } from './errors'

export type HetznerOptions = {
  token: string
  /** `https://api.hetzner.cloud/v1` unless the simulator stands in its place. */
  apiUrl?: string
  clock: Clock
  timeoutMs?: number
  fetch?: (request: Request) => Promise<Response>
}

export type Query = Record<string, string | string[]>
type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'

const API_URL = 'https://api.hetzner.cloud/v1'
const TIMEOUT_MS = 30_000
const PER_PAGE_MAX = 50
const PAGES_MAX = 1_000

/** Hetzner's HTTP: authorisation, the shared rate budget, time-outs, pages, and errors in our words. */
export class HetznerApi {
  private readonly budget: RateBudget
  private readonly apiUrl: string

  constructor(private readonly options: HetznerOptions) {
    this.budget = new RateBudget(options.clock)
    this.apiUrl = (options.apiUrl ?? API_URL).replace(/\/+$/, '')
  }

  /**
   * The parsed JSON of the answer; undefined where Hetzner has nothing to say (204). Throws what `refusal` and `noAnswer` make of anything else. A query that is a
   * function is asked for when the request goes out, which may be later.
   */
  async request(method: Method, path: string, query: Query | (() => Query) = {}, body?: unknown) {
    const kind = method === 'GET' ? 'read' : 'write'
    await this.budget.take(kind)
    const { status, text } = await this.exchange(
      method,
      path,
      typeof query === 'function' ? query() : query,
      body,
    )
    if (status === 204) return undefined
    const reply: unknown = parseJson(text)
    if (status >= 200 && status < 300) {
      if (reply === undefined) throw noAnswer(undefined, false)
      return reply
    }
    throw refusal(status, reply, status === 429 ? Math.max(1_000, this.budget.waitMs(kind)) : undefined)
  }

  /** Every item of a list, page after page. */
  async *pages(path: string, query: Query = {}): AsyncGenerator<unknown> {
    for (let page = 1; page <= PAGES_MAX; page++) {
      const paging = { page: String(page), per_page: String(PER_PAGE_MAX) }
      const reply = await this.request('GET', path, { ...query, ...paging })
      yield reply
      if (nextPage(reply) === null) return
    }
    throw new AtlasError('internal', 'A list at Hetzner has no end.')
  }

  private async exchange(method: Method, path: string, query: Query, body: unknown) {
    const { clock, timeoutMs = TIMEOUT_MS, fetch: send = globalThis.fetch } = this.options
    const abort = new AbortController()
    const cancel = clock.at(clock.now() + timeoutMs, () => abort.abort())
    let headers: Headers | undefined
    try {
      const response = await send(this.build(method, path, query, body, abort.signal))
      headers = response.headers
      return { status: response.status, text: await response.text() }
    } catch (thrown) {
      throw noAnswer(thrown, abort.signal.aborted)
    } finally {
      cancel()
      this.budget.settle(headers)
    }
  }

  private build(method: Method, path: string, query: Query, body: unknown, signal: AbortSignal): Request {
    const search = new URLSearchParams()
    for (const [name, value] of Object.entries(query)) {
      for (const one of [value].flat()) search.append(name, one)
    }
    return new Request(`${this.apiUrl}${path}${search.size > 0 ? `?${search}` : ''}`, {
      method,
      headers: {
        authorization: `Bearer ${this.options.token}`,
        accept: 'application/json',
        'user-agent': 'atlas',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
      // The token goes to the configured address and nowhere else.
      redirect: 'manual',
      signal,
    })
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function nextPage(reply: unknown): number | null {
  const { meta } = reply as { meta?: { pagination?: { next_page?: number | null } } }
  return meta?.pagination?.next_page ?? null
}
