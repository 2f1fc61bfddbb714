/** A person with a browser's habits but no screen: keeps cookies, sends origins, follows what it is told. */
export class Visitor {
  private readonly cookies = new Map<string, string>()

  constructor(private readonly patienceMs = 15_000) {}

  /** Loads a page. `host` is asked for when the name itself can't be resolved on this machine. */
  get(url: string, host?: string): Promise<Response> {
    return this.send(url, { method: 'GET', headers: host ? { host } : {} })
  }

  /** Posts a form as its own page would; `host` as above. */
  post(url: string, fields: Record<string, string> = {}, host?: string): Promise<Response> {
    const body = new URLSearchParams(fields)
    const origin = host ? `http://${host}` : new URL(url).origin
    return this.send(url, { method: 'POST', body, headers: { origin, ...(host && { host }) } })
  }

  private async send(
    url: string,
    init: { method: string; body?: URLSearchParams; headers: Record<string, string> },
  ) {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const headers = { ...init.headers, ...(cookie ? { cookie } : {}) }
    const signal = AbortSignal.timeout(this.patienceMs)
    const response = await fetch(url, { ...init, headers, redirect: 'manual', signal })
    for (const line of response.headers.getSetCookie()) this.keep(line)
    return response
  }

  private keep(line: string): void {
    const [pair = '', ...attributes] = line.split('; ')
    const [name = '', value = ''] = pair.split('=')
    if (attributes.includes('Max-Age=0')) this.cookies.delete(name)
    else this.cookies.set(name, value)
  }
}
