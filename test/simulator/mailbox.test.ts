import { describe, expect, test } from 'bun:test'
import { ManualClock } from '../../src/clock'
import { mailboxPages } from '../../src/simulator/mailbox'
import { ResendTwin, type StoredMail } from '../../src/simulator/resend'
import { World } from '../../src/simulator/world'

const EVIL = '<script>alert(1)</script>'

type Sent = { to?: string; subject?: string; html?: string; text?: string }

function stage() {
  const world = new World({ clock: new ManualClock() })
  const twin = new ResendTwin(world, { apiKey: 're_test' })
  const pages = mailboxPages(world)
  const send = async (mail: Sent): Promise<string> => {
    const body = JSON.stringify({
      from: 'Virtues <a@virtues.example>',
      to: 'ada@example.com',
      subject: 'Hi',
      text: 'Hi',
      ...mail,
    })
    const headers = { authorization: 'Bearer re_test' }
    const answer = await twin.handle(new Request('http://x/resend/emails', { method: 'POST', headers, body }))
    return ((await answer.json()) as { id: string }).id
  }
  const ask = async (path: string, init?: RequestInit) => {
    const response = await pages(new Request(`http://127.0.0.1:9000${path}`, init))
    return {
      status: response?.status ?? 404,
      body: (await response?.text()) ?? '',
      headers: response?.headers,
    }
  }
  return { world, send, ask }
}

describe('the list', () => {
  test('is empty at first and says so', async () => {
    expect((await stage().ask('/mailbox')).body).toContain('No mail yet')
  })

  test('shows the newest first and finds by recipient', async () => {
    const { send, ask } = stage()
    await send({ subject: 'First' })
    await send({ subject: 'Second', to: 'Grace@example.com' })
    const all = (await ask('/mailbox')).body
    expect(all.indexOf('Second')).toBeLessThan(all.indexOf('First'))
    const found = (await ask('/mailbox?to=grace@')).body
    expect(found).toContain('Second')
    expect(found).not.toContain('First')
    expect((await ask('/mailbox?to=nobody')).body).toContain('No mail to an address like this')
  })

  test('is there as JSON', async () => {
    const { send, ask } = stage()
    const id = await send({ subject: 'First' })
    await send({ subject: 'Second', to: 'grace@example.com' })
    const { mails } = JSON.parse((await ask('/mailbox.json?to=ada')).body) as { mails: StoredMail[] }
    expect(mails).toMatchObject([{ id, subject: 'First', to: ['ada@example.com'], text: 'Hi' }])
  })

  test('escapes whatever a mail brings', async () => {
    const { send, ask } = stage()
    const id = await send({ subject: EVIL, text: EVIL })
    for (const path of [
      '/mailbox',
      `/mailbox/${id}`,
      `/mailbox/${id}?part=text`,
      `/mailbox/${id}?part=headers`,
    ]) {
      expect((await ask(path)).body).not.toContain(EVIL)
    }
    const searched = await ask(`/mailbox?to=${encodeURIComponent(`">${EVIL}`)}`)
    expect(searched.body).not.toContain(EVIL)
  })

  test('is emptied by a form and by the API', async () => {
    const { send, ask } = stage()
    await send({})
    expect(await ask('/mailbox/deletion', { method: 'POST' })).toMatchObject({ status: 303 })
    expect((await ask('/mailbox.json')).body).toBe('{"mails":[]}')
    await send({})
    expect(await ask('/mailbox', { method: 'DELETE' })).toMatchObject({ status: 204 })
    expect((await ask('/mailbox.json')).body).toBe('{"mails":[]}')
  })
})

describe('a mail', () => {
  test('is framed without scripts and without our origin, and its links open new pages', async () => {
    const { send, ask } = stage()
    const id = await send({
      html: `<!doctype html><html><head lang="en"><title>x</title></head><a href="http://x">x</a>${EVIL}`,
    })
    const page = await ask(`/mailbox/${id}`)
    expect(page.body).toContain('sandbox="allow-popups allow-popups-to-escape-sandbox"')
    const framed = await ask(`/mailbox/${id}/html`)
    expect(framed.body).toContain('<head lang="en"><base target="_blank">')
    const policy = framed.headers?.get('content-security-policy')
    expect(policy).toContain('sandbox allow-popups')
    expect(policy).not.toMatch(/allow-scripts|allow-same-origin|script-src/)
  })

  test('keeps its doctype first when it has no head', async () => {
    const { send, ask } = stage()
    const whole = await send({ html: '<!doctype html><p>x</p>' })
    expect((await ask(`/mailbox/${whole}/html`)).body).toBe('<!doctype html><base target="_blank"><p>x</p>')
    const bare = await send({ html: '<p>x</p>' })
    expect((await ask(`/mailbox/${bare}/html`)).body).toBe('<base target="_blank"><p>x</p>')
  })

  test('shows its text with links, and its headers', async () => {
    const { send, ask } = stage()
    const id = await send({ text: 'Sign in: http://127.0.0.1:3000/login/t?a=1&b=2. Bye <you>' })
    const { body } = await ask(`/mailbox/${id}?part=text`)
    expect(body).toContain(
      '<a href="http://127.0.0.1:3000/login/t?a=1&amp;b=2" target="_blank" rel="noreferrer">',
    )
    expect(body).toContain('</a>. Bye &lt;you&gt;')
    expect((await ask(`/mailbox/${id}?part=headers`)).body).toContain(
      'From: Virtues &lt;a@virtues.example&gt;',
    )
  })

  test('that does not exist is not found', async () => {
    const { ask, send } = stage()
    const id = await send({})
    expect((await ask('/mailbox/nope')).status).toBe(404)
    expect((await ask(`/mailbox/${id}/html`)).status).toBe(404)
    expect((await ask(`/mailbox/${id}/source`)).status).toBe(404)
    expect((await ask('/mailboxes')).status).toBe(404)
  })
})

test('other sites and other hosts get nothing', async () => {
  const { ask, world } = stage()
  const crossSite = { method: 'POST', headers: { 'sec-fetch-site': 'cross-site' } }
  expect(await ask('/mailbox/deletion', crossSite)).toMatchObject({ status: 403 })
  const rebound = await mailboxPages(world)(new Request('http://evil.example/mailbox.json'))
  expect(rebound?.status).toBe(421)
})
