import { afterAll, describe, expect, test } from 'bun:test'
import { connect } from 'node:net'
import { openStage } from './stage'

// Over a real socket: what a server makes of bytes that no client library would send.
const stage = openStage({ baseUrl: 'http://localhost:4999' })
const port = stage.app.listen(0)
afterAll(() => stage.close())

/** Sends bytes and resolves to the answer's first bytes, or to nothing when the connection closes without one. */
function send(bytes: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes))
    let seen = ''
    const finish = () => {
      socket.destroy()
      resolve(seen)
    }
    socket.on('data', (chunk) => {
      seen += chunk
      if (seen.includes('\r\n\r\n')) finish()
    })
    socket.on('close', finish)
    socket.on('error', finish)
    socket.setTimeout(1_000, finish)
  })
}

const statusOf = (answer: string) => Number(/^HTTP\/1\.[01] (\d{3})/.exec(answer)?.[1] ?? 0)
const get = (target: string, host = `127.0.0.1:${port}`) =>
  send(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)

test('a port that is taken is refused, not shared', () => {
  const second = openStage()
  expect(() => second.app.listen(port)).toThrow('in use')
  second.close()
})

describe('the Host header', () => {
  test('is ours with the name of BASE_URL, or as this machine calls itself', async () => {
    for (const host of ['localhost:4999', `127.0.0.1:${port}`, `localhost:${port}`]) {
      expect(statusOf(await get('/robots.txt', host))).toBe(200)
    }
  })

  test.each(['a', 'ab', 'x.y', 'localhost', '127.0.0.1', 'evil.example', '[::1]', '127.0.0.1:1'])(
    '%s is not',
    async (host) => {
      const answer = await get('/robots.txt', host)
      expect(statusOf(answer)).toBe(421)
    },
  )

  test.each(['/', '?', '#', '@', ' x', '\\'])(
    'with %p in it does not shift the path to another route',
    async (odd) => {
      for (const host of [
        `127.0.0.1:${port}${odd}robots.txt`,
        `${odd}127.0.0.1:${port}`,
        `x${odd}127.0.0.1:${port}/robots.txt`,
      ]) {
        expect([400, 421]).toContain(statusOf(await get('/login', host)))
      }
    },
  )

  test('twice, or not at all, is refused', async () => {
    const ours = `Host: 127.0.0.1:${port}\r\n`
    expect([400, 421]).toContain(
      statusOf(await send(`GET /robots.txt HTTP/1.1\r\n${ours}Host: evil.example\r\n\r\n`)),
    )
    expect([400, 421]).toContain(statusOf(await send('GET /robots.txt HTTP/1.1\r\n\r\n')))
    expect([400, 421]).toContain(statusOf(await send('GET /robots.txt HTTP/1.0\r\n\r\n')))
  })
})

describe('the target', () => {
  test.each(['http://evil.example/admin', 'https://evil.example/admin', 'http://a/admin'])(
    'as a whole address (%s) reaches no other door than its path',
    async (target) => {
      const answer = await get(target)
      expect(statusOf(answer)).toBe(303)
      expect(answer).toContain('Location: /login\r\n')
      expect(answer).not.toContain('evil')
    },
  )

  test('that is too long is refused before Atlas reads it', async () => {
    expect([414, 431]).toContain(statusOf(await get(`/signup?x=${'a'.repeat(70_000)}`)))
  })

  test('cannot carry a header into the answer', async () => {
    const answer = await get('/admin/runs/x%0d%0aSet-Cookie:%20stolen=1')
    expect(answer).not.toContain('stolen')
  })
})

describe('a body', () => {
  const head = `POST /login HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/x-www-form-urlencoded\r\n`

  test('that says it is too long is refused without being read', async () => {
    expect(statusOf(await send(`${head}Content-Length: 70000\r\n\r\n`))).toBe(413)
    expect(statusOf(await send(`${head}Content-Length: 99999999\r\n\r\n`))).toBe(413)
  })

  test('that comes in pieces is refused once it is too long', async () => {
    const piece = `8000\r\n${'a'.repeat(0x8000)}\r\n`
    expect(statusOf(await send(`${head}Transfer-Encoding: chunked\r\n\r\n${piece.repeat(3)}0\r\n\r\n`))).toBe(
      413,
    )
  })

  test('with a length that is none, or two lengths, is refused', async () => {
    expect(statusOf(await send(`${head}Content-Length: -1\r\n\r\n`))).toBe(400)
    expect(statusOf(await send(`${head}Content-Length: 5\r\nContent-Length: 6\r\n\r\nemail=`))).toBe(400)
    expect(
      statusOf(await send(`${head}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`)),
    ).toBe(400)
  })
})

test('nothing of this is a mistake of Atlas’s own', () => {
  expect(stage.lines).toEqual([])
})
