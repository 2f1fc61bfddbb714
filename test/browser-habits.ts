export type Ask = {
  method?: string
  /** A form, as its own page would post it. */
  form?: Record<string, string> | URLSearchParams
  json?: unknown
  body?: string
  headers?: Record<string, string>
}

/** A browser's habits without a window: keeps cookies, says where a request comes from, follows nothing. */
export class Browser {
  readonly cookies = new Map<string, string>()

  constructor(
    private readonly baseUrl: string,
    private readonly send: (request: Request) => Promise<Response>,
    /** Its address as the proxy in front of Atlas tells it. */
    readonly ip: string,
  ) {}

  get(path: string, headers: Record<string, string> = {}): Promise<Response> {
    return this.ask(path, { headers })
  }

  post(path: string, form: Record<string, string> = {}, headers: Record<string, string> = {}) {
    return this.ask(path, { method: 'POST', form, headers })
  }

  /** Sends one request. `headers` win over habits; an empty value leaves a header out. */
  async ask(path: string, { method = 'GET', form, json, body, headers = {} }: Ask): Promise<Response> {
    const own: Record<string, string> = {
      host: new URL(this.baseUrl).host,
      'x-forwarded-for': this.ip,
      'sec-fetch-site': method === 'GET' || method === 'HEAD' ? 'none' : 'same-origin',
      cookie: [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; '),
      ...(method === 'GET' || method === 'HEAD' ? {} : { origin: new URL(this.baseUrl).origin }),
      ...(form ? { 'content-type': 'application/x-www-form-urlencoded' } : {}),
      ...(json === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    }
    const kept = Object.entries(own).filter(([, value]) => value !== '')
    const content = form
      ? String(new URLSearchParams(form))
      : json === undefined
        ? body
        : JSON.stringify(json)
    // Atlas itself speaks http: the proxy in front of it holds the certificate.
    const request = new Request(`http://${new URL(this.baseUrl).host}${path}`, {
      method,
      headers: Object.fromEntries(kept),
      body: content,
    })
    const response = await this.send(request)
    for (const line of response.headers.getSetCookie()) this.keep(line)
    return response
  }

  private keep(line: string): void {
    const [pair = '', ...attributes] = line.split('; ')
    const name = pair.slice(0, pair.indexOf('='))
    if (attributes.includes('Max-Age=0')) this.cookies.delete(name)
    else this.cookies.set(name, pair.slice(name.length + 1))
  }
}
