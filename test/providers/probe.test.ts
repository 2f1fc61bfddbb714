import { afterEach, describe, expect, test } from 'bun:test'
import { createServer as createHttpServer } from 'node:http'
import { connect, createServer, type Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import { ManualClock, SystemClock } from '../../src/clock'
import { createProbe } from '../../src/providers/http-probe'
import { selfSigned } from './certificate'

const alice = selfSigned('alice.example.test')
const bob = selfSigned('bob.example.test')
const expired = selfSigned('old.example.test', new Date('2020-01-01'), new Date('2021-01-01'))

const stops: (() => unknown)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

function serve(
  handler: (request: Request) => Response | Promise<Response>,
  tls?: { cert: string; key: string },
) {
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    development: false,
    idleTimeout: 0,
    fetch: handler,
    tls,
  })
  stops.push(() => server.stop(true))
  return server.port
}

/** A server that does with each connection what `talk` says once something has come in. */
async function raw(talk: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined).once('data', () => talk(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  stops.push(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const address = server.address()
  return typeof address === 'object' && address ? address.port : 0
}

const clock = new SystemClock()
const get = (url: string, ca?: string) =>
  createProbe({ clock, ca }).get({ url, address: '127.0.0.1', timeoutMs: 2_000 })

describe('over http', () => {
  test('asks the given address with the Host of the URL', async () => {
    const port = serve((request) =>
      Response.json([request.headers.get('host'), new URL(request.url).pathname]),
    )
    const answer = await get(`http://alice.example.test:${port}/health?deep=1`)
    expect(answer).toMatchObject({ ok: true, status: 200, body: `["alice.example.test:${port}","/health"]` })
    expect(answer.tookMs).toBeGreaterThanOrEqual(0)
  })

  test('takes a redirect as the answer and does not follow it', async () => {
    let asked = 0
    const port = serve(() => {
      asked++
      return new Response('', { status: 302, headers: { Location: '/elsewhere' } })
    })
    expect(await get(`http://alice.example.test:${port}/`)).toMatchObject({ ok: true, status: 302 })
    expect(asked).toBe(1)
  })

  test('reads 64 KB of an endless body and no more', async () => {
    const port = serve(
      () =>
        new Response(
          new ReadableStream({
            async pull(controller) {
              await Bun.sleep(1)
              controller.enqueue(new Uint8Array(10_000).fill(120))
            },
          }),
        ),
    )
    const answer = await get(`http://alice.example.test:${port}/`)
    expect(answer.ok && answer.body.length).toBe(64 * 1024)
  })

  test('unpacks nothing: what a server packs without being asked may be a thousand times as much', async () => {
    const packed = gzipSync(new Uint8Array(8 * 1024 * 1024))
    const port = serve(() => new Response(packed, { headers: { 'content-encoding': 'gzip' } }))
    const answer = await get(`http://alice.example.test:${port}/`)
    expect(answer).toMatchObject({ ok: true, status: 200 })
    if (answer.ok) expect(answer.body.length).toBeLessThanOrEqual(packed.length)
  })

  test('says in words that nothing listens, that the connection broke, that the answer is late', async () => {
    const closed = await raw((socket) => socket.destroy())
    const cut = await raw((socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc'))
    const silent = await raw(() => undefined)
    const stalled = await raw((socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc'))
    expect(await get('http://alice.example.test:1/')).toMatchObject({
      ok: false,
      reason: expect.stringMatching(/refused/),
    })
    expect(await get(`http://alice.example.test:${closed}/`)).toMatchObject({
      ok: false,
      reason: expect.stringMatching(/broke/),
    })
    expect(await get(`http://alice.example.test:${cut}/`)).toMatchObject({
      ok: false,
      reason: expect.stringMatching(/broke/),
    })
    for (const port of [silent, stalled]) {
      const url = `http://alice.example.test:${port}/`
      const late = createProbe({ clock }).get({ url, address: '127.0.0.1', timeoutMs: 30 })
      expect(await late).toMatchObject({ ok: false, reason: 'No answer within 30 ms.' })
    }
  })

  test('measures time and lateness on the clock it was given', async () => {
    const manual = new ManualClock()
    const port = await raw(() => undefined)
    const url = `http://alice.example.test:${port}/`
    const answer = createProbe({ clock: manual }).get({ url, address: '127.0.0.1', timeoutMs: 5_000 })
    manual.advance(5_000)
    expect(await answer).toEqual({ ok: false, reason: 'No answer within 5 s.', tookMs: 5_000 })
  })

  test('ignores the proxy settings of the environment', async () => {
    const port = serve(() => new Response('direct'))
    const before = process.env.http_proxy
    process.env.http_proxy = 'http://127.0.0.1:1'
    try {
      expect(await get(`http://alice.example.test:${port}/`)).toMatchObject({ ok: true, body: 'direct' })
    } finally {
      if (before === undefined) delete process.env.http_proxy
      else process.env.http_proxy = before
    }
  })

  test.each([
    ['ftp://alice.example.test/', '127.0.0.1'],
    ['file:///etc/passwd', '127.0.0.1'],
    ['nonsense', '127.0.0.1'],
    ['http://alice.example.test/', 'localhost'],
    ['http://alice.example.test/', '127.0.0.1\r\nX: y'],
  ])('refuses to ask %p at %p', async (url, address) => {
    const asking = createProbe({ clock }).get({ url, address, timeoutMs: 1_000 })
    expect(await asking.catch((error: { code: string }) => error.code)).toBe('invalid')
  })
})

describe('over https', () => {
  test('accepts the certificate of the name, and of no other name', async () => {
    const port = serve((request) => new Response(request.headers.get('host')), alice)
    const own = `https://alice.example.test:${port}/`
    expect(await get(own, alice.cert)).toMatchObject({ ok: true, body: `alice.example.test:${port}` })
    // Straight after a success: no kept connection may answer for another name.
    expect(await get(`https://bob.example.test:${port}/`, alice.cert)).toMatchObject({
      ok: false,
      reason: 'The server showed a certificate for another name.',
    })
  })

  test('says that the certificate is of an unknown authority, expired, or that there is none', async () => {
    const own = serve(() => new Response('hi'), bob)
    const old = serve(() => new Response('hi'), expired)
    const plain = await raw((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
    expect(await get(`https://bob.example.test:${own}/`)).toMatchObject({
      ok: false,
      reason: expect.stringMatching(/no known authority/),
    })
    expect(await get(`https://old.example.test:${old}/`, expired.cert)).toMatchObject({
      ok: false,
      reason: 'The certificate has expired.',
    })
    expect(await get(`https://bob.example.test:${plain}/`)).toMatchObject({
      ok: false,
      reason: expect.stringMatching(/https/),
    })
  })
})

test('through a gateway the name is proven end to end', async () => {
  const port = serve(() => new Response('hi'), alice)
  const asked: string[] = []
  const gateway = createHttpServer().on('connect', (request, socket, head) => {
    asked.push(`${request.method} ${request.url}`)
    const server = connect(port ?? 0, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      server.write(head)
      server.pipe(socket).pipe(server)
    })
    for (const end of [server, socket]) end.on('error', () => undefined)
  })
  await new Promise<void>((resolve) => gateway.listen(0, '127.0.0.1', resolve))
  stops.push(() => gateway.close())
  const address = gateway.address()
  const gatewayUrl = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
  const probe = createProbe({ clock, gatewayUrl, ca: alice.cert })
  const ask = (name: string) =>
    probe.get({ url: `https://${name}/`, address: '198.18.0.1', timeoutMs: 2_000 })
  expect(await ask('alice.example.test')).toMatchObject({ ok: true, status: 200, body: 'hi' })
  expect(await ask('bob.example.test')).toMatchObject({
    ok: false,
    reason: expect.stringContaining('another name'),
  })
  expect(asked).toEqual(['CONNECT 198.18.0.1:443', 'CONNECT 198.18.0.1:443'])
})

test('a gateway that cannot be reached is named as such', async () => {
  const probe = createProbe({ clock, gatewayUrl: 'http://127.0.0.1:1' })
  const answer = await probe.get({
    url: 'http://alice.example.test/',
    address: '198.18.0.1',
    timeoutMs: 2_000,
  })
  expect(answer).toMatchObject({ ok: false, reason: 'The gateway to the servers cannot be reached.' })
})
