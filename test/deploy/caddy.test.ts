import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { describeWith, testWith } from '../needs.ts'
import { temporaryFolder } from './installed-root.ts'

const caddyfile = join(import.meta.dir, '../../Caddyfile')

describe('the Caddyfile', () => {
  testWith('caddy', 'is valid', (caddy) => {
    expect(validate(caddy, Bun.file(caddyfile))).toBe(0)
  })

  testWith('caddy', 'would be refused with a mistake in it', async (caddy) => {
    const mistaken = (await Bun.file(caddyfile).text()).replace('max_size', 'maximal_size')
    expect(validate(caddy, new Blob([mistaken]))).not.toBe(0)
  })

  testWith('caddy', 'is formatted as Caddy formats', async (caddy) => {
    const formatted = Bun.spawnSync([caddy, 'fmt', caddyfile]).stdout.toString()
    expect(formatted).toBe(await Bun.file(caddyfile).text())
  })
})

function validate(caddy: string, file: Blob): number | null {
  const argv = [caddy, 'validate', '--adapter', 'caddyfile', '--config', '/dev/stdin']
  const env = { ...process.env, BASE_URL: 'https://atlas.example.com' }
  return Bun.spawnSync(argv, { env, stdin: file, stderr: 'ignore' }).exitCode
}

/** Stands in for Atlas: says what it received, and streams events until its reader goes. */
function startUpstream(port = 0) {
  const ended = Promise.withResolvers<void>()
  const server = Bun.serve({
    port,
    hostname: '127.0.0.1',
    idleTimeout: 0,
    async fetch(request) {
      const { pathname } = new URL(request.url)
      if (pathname === '/events') return eventStream(ended.resolve)
      if (pathname === '/page')
        return new Response('<p>page</p>'.repeat(200), { headers: { 'Content-Type': 'text/html' } })
      return Response.json({
        headers: request.headers.toJSON(),
        bytes: (await request.arrayBuffer()).byteLength,
      })
    },
  })
  return { server, readerGone: ended.promise }
}

function eventStream(onCancel: () => void): Response {
  const first = new TextEncoder().encode('data: first\n\n')
  const body = new ReadableStream({ start: (stream) => stream.enqueue(first), cancel: onCancel })
  return new Response(body, { headers: { 'Content-Type': 'text/event-stream' } })
}

function freePort(): number {
  const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response() })
  const port = server.port!
  server.stop(true)
  return port
}

/** Our Caddyfile as Caddy's own JSON, with certificates of its own making and nothing outside `folder`. */
function adapted(caddy: string, folder: string, env: Record<string, string>): string {
  const argv = [caddy, 'adapt', '--adapter', 'caddyfile', '--config', caddyfile]
  const config = JSON.parse(Bun.spawnSync(argv, { env: { ...process.env, ...env } }).stdout.toString())
  for (const server of Object.values<Record<string, unknown>>(config.apps.http.servers))
    server.automatic_https = { disable_redirects: true }
  const pki = { certificate_authorities: { local: { install_trust: false } } }
  const storage = { module: 'file_system', root: folder }
  return JSON.stringify({ ...config, admin: { disabled: true }, storage, apps: { ...config.apps, pki } })
}

describeWith('caddy', 'behind Caddy', (caddy) => {
  let folder: ReturnType<typeof temporaryFolder>
  let upstream: ReturnType<typeof startUpstream>
  const address = `https://localhost:${freePort()}`
  const secondAddress = `https://localhost:${freePort()}`
  const latePort = freePort()
  const running: Bun.Subprocess[] = []
  const get = (path: string, init: BunFetchRequestInit = {}) =>
    fetch(path.startsWith('https:') ? path : `${address}${path}`, {
      tls: { rejectUnauthorized: false },
      ...init,
    })

  beforeAll(async () => {
    folder = temporaryFolder()
    upstream = startUpstream()
    await startCaddy(address, upstream.server.port!)
    await startCaddy(secondAddress, latePort)
  }, 20_000)

  afterAll(() => {
    for (const process of running) process.kill()
    upstream.server.stop(true)
    folder[Symbol.dispose]()
  })

  async function startCaddy(baseUrl: string, port: number): Promise<void> {
    const config = join(folder.path, `${port}.json`)
    await Bun.write(config, adapted(caddy, folder.path, { BASE_URL: baseUrl, PORT: String(port) }))
    const env = { ...process.env, HOME: folder.path }
    running.push(Bun.spawn([caddy, 'run', '--config', config], { env, stdout: 'ignore', stderr: 'ignore' }))
    const { hostname, port: httpsPort } = new URL(baseUrl)
    await until(() =>
      Bun.connect({ hostname, port: Number(httpsPort), socket: { data() {} } }).then((s) => s.end()),
    )
  }

  test('pages come compressed, over TLS, with a promise to stay there', async () => {
    const page = await get('/page')
    expect(page.status).toBe(200)
    expect(page.headers.get('Strict-Transport-Security')).toBe('max-age=31536000')
    expect(page.headers.get('Content-Encoding')).not.toBeNull()
    expect(await page.text()).toBe('<p>page</p>'.repeat(200))
  })

  test('Atlas learns the true address and scheme, whatever a visitor claims', async () => {
    const claims = { 'X-Forwarded-For': '203.0.113.9', 'X-Forwarded-Proto': 'http' }
    const { headers } = (await (await get('/', { headers: claims })).json()) as {
      headers: Record<string, string>
    }
    expect(headers['x-forwarded-for']).toMatch(/^(127\.0\.0\.1|::1)$/)
    expect(headers['x-forwarded-proto']).toBe('https')
    expect(headers.host).toBe(new URL(address).host)
  })

  test('bodies are passed on up to a megabyte and refused beyond', async () => {
    const post = (bytes: number) => get('/', { method: 'POST', body: new Uint8Array(bytes) })
    expect(await (await post(900_000)).json()).toMatchObject({ bytes: 900_000 })
    expect((await post(1_100_000)).status).not.toBe(200)
  })

  test('an event arrives while its stream goes on, and a reader who leaves frees the stream', async () => {
    const leaving = new AbortController()
    const stream = await get('/events', { signal: leaving.signal })
    const { value } = await stream.body!.getReader().read()
    expect(new TextDecoder().decode(value)).toBe('data: first\n\n')
    leaving.abort()
    await upstream.readerGone
  })

  test('a request waits while Atlas restarts', async () => {
    const answer = get(`${secondAddress}/page`)
    await Bun.sleep(50)
    const { server } = startUpstream(latePort)
    expect((await answer).status).toBe(200)
    server.stop(true)
  })
})

async function until(attempt: () => Promise<unknown>): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    try {
      await attempt()
      return
    } catch {
      await Bun.sleep(25)
    }
  }
  throw new Error('Caddy did not start')
}
