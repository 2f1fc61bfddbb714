import { afterEach, describe, expect, test } from 'bun:test'
import { ManualClock } from '../../src/clock'
import { AtlasError } from '../../src/errors'
import { createRegistry, type RegistrySettings } from '../../src/providers/oci-registry'
import { Front } from '../../src/simulator/front'
import { RegistryTwin } from '../../src/simulator/registry'
import type { Exchange } from '../../src/simulator/twin'
import { World } from '../../src/simulator/world'
import { checkRegistry } from '../contract/registry'

const LOGIN = { username: 'atlas', password: 'stays-secret-9f2c' }
const IMAGE = { host: 'ghcr.io', repository: 'acme/app', tag: 'v43' }
const closing: (() => Promise<unknown>)[] = []

afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()))
})

function stage(settings: Partial<RegistrySettings> = {}) {
  const clock = new ManualClock()
  const world = new World({ clock })
  const twin = new RegistryTwin(world, { login: LOGIN })
  const front = new Front(world, [twin], async () => null)
  const apiUrl = front.listen(0)
  closing.push(() => front.stop())
  const seen: Exchange[] = []
  front.observe((exchange) => void seen.push(exchange))
  const registry = createRegistry({ host: 'ghcr.io', apiUrl, clock, ...settings })
  return { registry, twin, front, clock, seen, apiUrl }
}

/** A registry that answers as a test says, at an address of its own. */
function answering(answer: (request: Request) => Response | Promise<Response>) {
  const requests: { headers: Headers }[] = []
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: (request) => {
      // A copy: Bun forgets the headers of a request that has been answered.
      requests.push({ headers: new Headers(request.headers) })
      return answer(request)
    },
  })
  closing.push(() => server.stop(true))
  return { url: `http://127.0.0.1:${server.port}`, requests }
}

const client = (apiUrl: string, settings: Partial<RegistrySettings> = {}) =>
  createRegistry({ host: 'ghcr.io', ...LOGIN, apiUrl, clock: new ManualClock(), ...settings })

async function failure(promise: Promise<unknown>): Promise<AtlasError> {
  const thrown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!(thrown instanceof AtlasError)) throw new Error('expected an AtlasError', { cause: thrown })
  expect(JSON.stringify([thrown.message, thrown.vendorCode])).not.toContain(LOGIN.password)
  return thrown
}

const sha256 = (text: string) => `sha256:${new Bun.CryptoHasher('sha256').update(text).digest('hex')}`

describe('an image', () => {
  test('is known by the digest that its tag stands for now', async () => {
    const { registry, twin, seen } = stage()
    const first = twin.publish({ repository: 'acme/app', tag: 'v43' })
    expect(await registry.resolve(IMAGE)).toEqual(first)
    const moved = twin.publish({ repository: 'acme/app', tag: 'v43', behaviour: 'broken' })
    expect(moved).not.toEqual(first)
    expect(await registry.resolve(IMAGE)).toEqual(moved)
    expect(seen.map(({ verb, status }) => `${verb} ${status}`).slice(0, 3)).toEqual([
      'GET manifests 401',
      'GET token 200',
      'GET manifests 200',
    ])
    expect(seen.flatMap(checkRegistry)).toEqual([])
  })

  test.each([{ tag: 'v44' }, { repository: 'acme/other' }])(
    'that is not there is not found: %j',
    async (part) => {
      const { registry, twin, seen } = stage()
      twin.publish({ repository: 'acme/app', tag: 'v43' })
      expect(await failure(registry.resolve({ ...IMAGE, ...part }))).toMatchObject({ code: 'not_found' })
      expect(seen.flatMap(checkRegistry)).toEqual([])
    },
  )

  test('that is private is for those with the login only', async () => {
    const { registry, twin, apiUrl, seen } = stage()
    const published = twin.publish({ repository: 'acme/app', tag: 'v43' })
    twin.hide('acme/app')
    const anybody = await failure(registry.resolve(IMAGE))
    expect(anybody).toMatchObject({
      code: 'unauthorized',
      message: expect.stringContaining('REGISTRY_USERNAME'),
    })
    expect(await client(apiUrl).resolve(IMAGE)).toEqual(published)
    const wrong = await failure(client(apiUrl, { password: 'wrong' }).resolve(IMAGE))
    expect(wrong).toMatchObject({ code: 'unauthorized' })
    expect(seen.flatMap(checkRegistry)).toEqual([])
  })

  test('of another registry than the login’s is asked for without it', async () => {
    const { twin, apiUrl, seen } = stage()
    twin.publish({ repository: 'acme/app', tag: 'v43' })
    await client(apiUrl).resolve({ ...IMAGE, host: 'quay.io' })
    await client(apiUrl, { host: 'docker.io' }).resolve({ ...IMAGE, host: 'registry-1.docker.io' })
    const basic = seen.filter(({ requestHeaders }) => requestHeaders.authorization?.startsWith('Basic'))
    expect(seen.filter(({ verb }) => verb === 'GET token')).toHaveLength(2)
    expect(basic).toHaveLength(1)
  })

  test('is found where its host is when no other address is set', async () => {
    const asked: string[] = []
    const send = async (request: Request) => {
      asked.push(request.url)
      return new Response('{}')
    }
    const registry = createRegistry({ clock: new ManualClock(), fetch: send })
    for (const host of [
      'ghcr.io',
      'registry.example:5000',
      'localhost:5000',
      '127.0.0.1:5000',
      '127.0.0.1.evil.com',
    ])
      await registry.resolve({ ...IMAGE, host })
    expect(asked).toEqual([
      'https://ghcr.io/v2/acme/app/manifests/v43',
      'https://registry.example:5000/v2/acme/app/manifests/v43',
      'http://localhost:5000/v2/acme/app/manifests/v43',
      'http://127.0.0.1:5000/v2/acme/app/manifests/v43',
      'https://127.0.0.1.evil.com/v2/acme/app/manifests/v43',
    ])
  })
})

describe('a registry that', () => {
  test('asks to slow down is asked again later', async () => {
    const { registry, front, seen } = stage()
    front.faults.add({ provider: 'registry', verb: '*', kind: 'refuse', times: 1 })
    expect(await failure(registry.resolve(IMAGE))).toMatchObject({
      code: 'unavailable',
      vendorCode: 'http_429',
      outcome: 'refused',
      retryAfterMs: 5_000,
    })
    expect(seen.flatMap(checkRegistry)).toEqual([])
  })

  test('says a date is understood too', async () => {
    const clock = new ManualClock()
    const later = new Date(clock.now() + 90_000).toUTCString()
    const { url } = answering(() => new Response('', { status: 503, headers: { 'retry-after': later } }))
    expect(await failure(client(url, { clock }).resolve(IMAGE))).toMatchObject({
      code: 'unavailable',
      retryAfterMs: 90_000,
    })
  })

  test.each([
    ['has a problem of its own', { kind: 'refuse', status: 500 }, 'unavailable'],
    ['loses its answer', { kind: 'lose_reply' }, 'unavailable'],
    ['denies', { kind: 'refuse', code: 'DENIED' }, 'unauthorized'],
  ] as const)('%s is told from others', async (_, fault, code) => {
    const { registry, front } = stage()
    front.faults.add({ provider: 'registry', verb: 'GET manifests', times: 1, ...fault })
    expect(await failure(registry.resolve(IMAGE))).toMatchObject({ code })
  })

  test('hangs is left, and one that is not there too', async () => {
    const { url } = answering(() => new Promise(() => undefined))
    expect(await failure(client(url, { timeoutMs: 30 }).resolve(IMAGE))).toMatchObject({
      code: 'unavailable',
    })
    expect(await failure(client('http://127.0.0.1:1').resolve(IMAGE))).toMatchObject({ code: 'unavailable' })
  })

  test('answers with another image than it says is not believed', async () => {
    const { url } = answering(
      () => new Response('{"schemaVersion":2}', { headers: { 'docker-content-digest': sha256('another') } }),
    )
    expect(await failure(client(url).resolve(IMAGE))).toMatchObject({
      code: 'unavailable',
      vendorCode: 'inconsistent',
    })
  })

  test('says no digest is read all the same', async () => {
    const { url } = answering(() => new Response('{"schemaVersion":2}'))
    expect(await client(url).resolve(IMAGE)).toEqual({ digest: sha256('{"schemaVersion":2}') })
  })

  test('never stops talking is left after 4 MiB', async () => {
    const { url } = answering(
      () =>
        new Response(
          new ReadableStream({
            pull: (controller) => controller.enqueue(new Uint8Array(1024 * 1024)),
          }),
        ),
    )
    expect(await failure(client(url).resolve(IMAGE))).toMatchObject({ vendorCode: 'too_much_output' })
  })

  test.each([
    'Bearer',
    'Digest realm="x"',
    'Bearer realm="http://tokens.example.com/"',
    'Bearer realm="file:///etc"',
    '',
  ])('challenges with %j gets no credentials', async (challenge) => {
    const { url, requests } = answering(
      () => new Response('', { status: 401, headers: challenge ? { 'www-authenticate': challenge } : {} }),
    )
    expect(await failure(client(url).resolve(IMAGE))).toMatchObject({ code: 'unauthorized' })
    expect(requests.map(({ headers }) => headers.get('authorization'))).toEqual([null])
  })

  test('wants Basic is given it', async () => {
    const { url, requests } = answering(({ headers }) =>
      headers.has('authorization')
        ? new Response('{}')
        : new Response('', { status: 401, headers: { 'www-authenticate': 'Basic realm="private"' } }),
    )
    expect(await client(url).resolve(IMAGE)).toEqual({ digest: sha256('{}') })
    expect(requests.at(-1)?.headers.get('authorization')).toBe(
      `Basic ${Buffer.from('atlas:stays-secret-9f2c').toString('base64')}`,
    )
  })

  test('gives no token, or nonsense for one, is not believed', async () => {
    for (const body of ['{}', '{"token":1}', 'null', '<html>', '{"token":"a\\r\\nb: c"}']) {
      const { url } = answering(({ url: asked }) =>
        asked.includes('/token')
          ? new Response(body)
          : new Response('', {
              status: 401,
              headers: { 'www-authenticate': `Bearer realm="${new URL('/token', asked).href}"` },
            }),
      )
      expect(await failure(client(url).resolve(IMAGE))).toMatchObject({
        code: 'unavailable',
        vendorCode: 'inconsistent',
      })
    }
  })
})

describe('a redirect', () => {
  const login = (url: string) =>
    new Response('', { status: 401, headers: { 'www-authenticate': `Basic realm="${url}"` } })

  test('to another host goes there without the credentials', async () => {
    const other = answering(() => new Response('{}'))
    const { url } = answering(({ headers }) =>
      headers.has('authorization')
        ? new Response('', { status: 307, headers: { location: `${other.url}/elsewhere` } })
        : login('x'),
    )
    expect(await client(url).resolve(IMAGE)).toEqual({ digest: sha256('{}') })
    expect(other.requests.map(({ headers }) => headers.get('authorization'))).toEqual([null])
  })

  test('to another host that asks for the credentials gives it none', async () => {
    const other = answering(
      ({ url: asked }) =>
        new Response('{"token":"t"}', {
          status: asked.includes('/token') ? 200 : 401,
          headers: { 'www-authenticate': `Bearer realm="${new URL('/token', asked).href}"` },
        }),
    )
    const { url } = answering(
      () => new Response('', { status: 307, headers: { location: `${other.url}/elsewhere` } }),
    )
    expect(await failure(client(url).resolve(IMAGE))).toMatchObject({ code: 'unauthorized' })
    expect(other.requests.map(({ headers }) => headers.get('authorization'))).toEqual([null])
  })

  test('within the host keeps them', async () => {
    const { url, requests } = answering(({ headers, url: asked }) => {
      if (!headers.has('authorization')) return login('x')
      return asked.endsWith('/moved')
        ? new Response('{}')
        : new Response('', { status: 302, headers: { location: '/moved' } })
    })
    await client(url).resolve(IMAGE)
    expect(requests.at(-1)?.headers.has('authorization')).toBe(true)
  })

  test.each(['', '/v2/acme/app/manifests/v43', 'ftp://127.0.0.1/', 'file:///etc/passwd', 'http://['])(
    'to %j leads nowhere',
    async (location) => {
      const { url, requests } = answering(() => new Response('', { status: 301, headers: { location } }))
      expect(await failure(client(url).resolve(IMAGE))).toMatchObject({ code: 'unavailable' })
      expect(requests.length).toBeLessThanOrEqual(4)
    },
  )

  test('from TLS to none is not followed', async () => {
    const send = async () => new Response('', { status: 302, headers: { location: 'http://127.0.0.1/' } })
    const registry = createRegistry({ clock: new ManualClock(), fetch: send })
    expect(await failure(registry.resolve(IMAGE))).toMatchObject({ vendorCode: 'inconsistent' })
  })
})
