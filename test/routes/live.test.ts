import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { SESSION_IDLE_MS } from '../../src/accounts/session'
import { counters } from '../../src/db/schema'
import { signupToken } from '../../src/signups/link'
import { getSignup, moveSignup } from '../../src/signups/signup'
import type { Browser } from '../browser-habits'
import { AUTH_SECRET, openStage, type Stage } from '../stage'

let stage: Stage
let operator: Browser
beforeEach(async () => {
  stage = openStage()
  operator = await stage.operator()
})
afterEach(() => stage.close())

/** One event stream, read as far as it has come. */
class Stream {
  text = ''
  over = false
  private readonly reader: ReadableStreamDefaultReader<Uint8Array>

  constructor(answer: Response) {
    this.reader = answer.body!.getReader() as ReadableStreamDefaultReader<Uint8Array>
    // A connection that is cut is over too.
    const end = () => {
      this.over = true
    }
    this.follow().then(end, end)
  }

  /** The fragments so far, put together as a browser would. */
  get fragments(): string[] {
    return this.text
      .split('\n\n')
      .filter((event) => event.startsWith('data: '))
      .map((event) => event.replaceAll(/^data: /gm, ''))
  }

  leave(): Promise<void> {
    return this.reader.cancel()
  }

  private async follow(): Promise<void> {
    for (;;) {
      const { value, done } = await this.reader.read()
      if (done) return
      this.text += new TextDecoder().decode(value)
    }
  }
}

const open = async (path: string, browser = operator) => {
  const answer = await browser.get(path)
  expect(answer.status).toBe(200)
  const stream = new Stream(answer)
  await Bun.sleep(0)
  return stream
}
const commit = () =>
  stage.services.db.write((tx) =>
    tx.insert(counters).values({ name: 'x', value: 1 }).onConflictDoNothing().run(),
  )
const pass = async (ms: number) => {
  stage.clock.advance(ms)
  await Bun.sleep(0)
}
const signupEvents = (id: string) =>
  `/signup/success/events?signup=${encodeURIComponent(signupToken(AUTH_SECRET, id))}`

describe('an event stream', () => {
  test('is declared as one, is cached nowhere and held back by no proxy', async () => {
    const answer = await operator.get('/admin/events')
    expect(answer.headers.get('content-type')).toBe('text/event-stream')
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect(answer.headers.get('x-accel-buffering')).toBe('no')
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'")
  })

  test('sends the fragment at once, every line of it as data', async () => {
    const { signupId } = await stage.tenant()
    stage.services.db.sqlite.run(
      `UPDATE signups SET email = 'a' || char(10) || 'event: done' || char(13) || 'data: x'`,
    )
    const stream = await open(signupEvents(signupId), stage.browser())
    const lines = stream.text.split(/\r\n|\r|\n/)
    expect(lines.filter((line) => line !== '' && !line.startsWith('data: '))).toEqual([])
    expect(stream.fragments).toHaveLength(1)
  })

  test('sends again what has changed, at most five times a second, and nothing when nothing has', async () => {
    const stream = await open('/admin/events')
    for (const name of ['ada-one', 'ada-two', 'ada-three']) await stage.paidSignup(name)
    expect(stream.fragments).toHaveLength(1)
    await pass(199)
    expect(stream.fragments).toHaveLength(1)
    await pass(1)
    expect(stream.fragments).toHaveLength(2)
    expect(stream.fragments[1]).toContain('ada-three')
    commit()
    await pass(200)
    expect(stream.fragments).toHaveLength(2)
  })

  test('shows a sign of life every 15 s', async () => {
    const stream = await open('/admin/events')
    await pass(14_999)
    expect(stream.text).not.toContain(': beat')
    await pass(1)
    await pass(15_000)
    expect(stream.text.match(/^: beat$/gm)).toHaveLength(2)
  })

  test('skips states for a reader that does not keep up, and then shows the latest', async () => {
    const answer = await operator.get('/admin/events')
    for (let i = 1; i <= 20; i++) {
      await stage.paidSignup(`ada-${i}x`)
      await pass(200)
    }
    const stream = new Stream(answer)
    await Bun.sleep(0)
    expect(stream.fragments.length).toBeLessThan(5)
    expect(stream.fragments.at(-1)).toContain('ada-20x')
  })

  test('ends when Atlas stops', async () => {
    const streams = [await open('/admin/events'), await open('/admin/events')]
    await stage.app.stop()
    await Bun.sleep(0)
    expect(streams.map(({ over }) => over)).toEqual([true, true])
  })

  test('of what is not there is a 404, not a stream', async () => {
    for (const path of [
      '/admin/tenants/ten_x/events',
      '/admin/runs/run_x/events',
      '/signup/success/events?signup=x',
    ]) {
      const answer = await operator.get(path)
      expect(answer.status).toBe(404)
      expect(answer.headers.get('content-type')).toStartWith('text/html')
    }
  })

  test('that breaks is logged and ends, and the others go on', async () => {
    const { tenantId } = await stage.tenant()
    const broken = await open(`/admin/tenants/${tenantId}/events`)
    const sound = await open('/admin/events')
    stage.services.db.sqlite.run("UPDATE effects SET summary = 'no json'")
    await stage.paidSignup('ada-next')
    await pass(200)
    expect(broken.over).toBe(true)
    expect(sound.fragments).toHaveLength(2)
    expect(stage.lines.join()).toContain('an event stream broke')
  })
})

describe('the right to look', () => {
  test('ends with the sign-out, before anything more is shown', async () => {
    const stream = await open('/admin/events')
    await operator.post('/logout')
    await stage.paidSignup('ada-secret')
    await pass(200)
    expect(stream.over).toBe(true)
    expect(stream.text).not.toContain('ada-secret')
    expect((await operator.get('/admin/events')).status).toBe(303)
  })

  test('ends when the session is over, though the page was left open', async () => {
    const stream = await open('/admin/events')
    stage.clock.advance(SESSION_IDLE_MS)
    await Bun.sleep(0)
    expect(stream.over).toBe(true)
  })

  test('ends when somebody else becomes the operator', async () => {
    const stream = await open('/admin/events')
    stage.services.settings.adminEmail = 'successor@example.com'
    await stage.paidSignup('ada-secret')
    await pass(200)
    expect(stream.over).toBe(true)
    expect(stream.text).not.toContain('ada-secret')
  })

  test('is the customer’s without a session, for their own signup only', async () => {
    const id = await stage.paidSignup('ada-lovelace')
    const other = await stage.paidSignup('grace-hopper', 'grace@example.com')
    const stream = await open(signupEvents(id), stage.browser())
    expect(stream.text).toContain('ada@example.com')
    const token = signupToken(AUTH_SECRET, id)
    const forged = `${other}.${token.split('.')[1]}`
    expect((await stage.browser().get(`/signup/success/events?signup=${forged}`)).status).toBe(404)
  })
})

test('a customer’s stream ends once the site is live, after having said so', async () => {
  const { signupId } = await stage.tenant()
  const stream = await open(signupEvents(signupId), stage.browser())
  stage.services.db.write((tx) => moveSignup(tx, getSignup(tx, signupId), 'active', stage.clock.now()))
  await pass(200)
  expect(stream.fragments.at(-1)).toContain('Your site is live')
  commit()
  await pass(200)
  expect(stream.text).toEndWith('event: done\ndata: \n\n')
  expect(stream.over).toBe(true)
})

describe('the number of streams', () => {
  const openMany = async (count: number, browser: () => Browser, path: string) => {
    const answers = await Promise.all(Array.from({ length: count }, () => browser().get(path)))
    return answers.map(({ status }) => status)
  }

  test('of one person is bounded, and others are not shut out by them', async () => {
    const path = signupEvents(await stage.paidSignup())
    const statuses = await openMany(45, () => stage.browser('198.51.100.1'), path)
    expect(statuses.filter((status) => status === 503)).toHaveLength(5)
    expect(await openMany(1, () => stage.browser('198.51.100.2'), path)).toEqual([200])
    expect(await openMany(1, () => operator, '/admin/events')).toEqual([200])
  })

  test('of all together is bounded, with a word on when to come back', async () => {
    const path = signupEvents(await stage.paidSignup())
    let at = 0
    await openMany(1_000, () => stage.browser(`198.51.${at % 50}.${at++ % 200}`), path)
    const answer = await stage.browser().get(path)
    expect(answer.status).toBe(503)
    expect(answer.headers.get('retry-after')).toBe('30')
  })

  test('does not grow with readers who left or only asked for the head', async () => {
    const path = signupEvents(await stage.paidSignup())
    const browser = stage.browser('198.51.100.1')
    for (let i = 0; i < 60; i++) {
      const stream = await open(path, browser)
      await stream.leave()
      expect((await browser.ask(path, { method: 'HEAD' })).status).toBe(200)
    }
  })

  test('over a real port: a closed connection gives its place back, and a stop ends the rest', async () => {
    const path = signupEvents(await stage.paidSignup())
    const port = stage.app.listen(0)
    const left = new AbortController()
    const connect = (signal?: AbortSignal) => fetch(`http://127.0.0.1:${port}${path}`, { signal })
    await Promise.all(Array.from({ length: 40 }, () => connect(left.signal)))
    expect((await connect()).status).toBe(503)
    left.abort()
    let again = await connect()
    for (let i = 0; i < 50 && again.status === 503; i++) {
      await Bun.sleep(10)
      again = await connect()
    }
    expect(again.status).toBe(200)
    const stream = new Stream(again)
    await stage.app.stop()
    for (let i = 0; i < 50 && !stream.over; i++) await Bun.sleep(10)
    expect(stream.over).toBe(true)
  })
})
