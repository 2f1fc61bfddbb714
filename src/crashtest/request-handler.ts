import type { Route53Settings } from '../providers/route53'

/** A request as the SDK hands it over. */
type Asked = {
  method: string
  protocol: string
  hostname: string
  port?: number
  path: string
  query?: Record<string, string | string[] | null>
  headers: Record<string, string>
  body?: string | Uint8Array<ArrayBuffer>
}

/** Sends the AWS SDK's requests through `fetch`, which leads into the story while one is told. */
export const requestHandler = {
  async handle(asked: Asked, { abortSignal }: { abortSignal?: AbortSignal } = {}) {
    const response = await fetch(urlOf(asked), {
      method: asked.method,
      headers: asked.headers,
      body: asked.body,
      signal: abortSignal,
    })
    const body = new Uint8Array(await response.arrayBuffer())
    return { response: { statusCode: response.status, headers: Object.fromEntries(response.headers), body } }
  },
} as unknown as NonNullable<Route53Settings['requestHandler']>

function urlOf({ protocol, hostname, port, path, query = {} }: Asked): string {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    for (const one of [value ?? ''].flat()) search.append(name, one)
  }
  return `${protocol}//${hostname}${port ? `:${port}` : ''}${path}${search.size > 0 ? `?${search}` : ''}`
}
