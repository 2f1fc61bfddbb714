import { afterEach, describe, expect, test } from 'bun:test'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { demo } from '../../src/cli/demo'
import { readDemoOptions } from '../../src/cli/demo-options'
import { DemoProcess } from './demo-process'

const STOPS_WITHIN_MS = 2_000
const folders: string[] = []
const demos: DemoProcess[] = []

afterEach(async () => {
  for (const one of demos.splice(0)) {
    one.kill()
    await one.ended()
  }
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'atlas-demo-'))
  folders.push(folder)
  return folder
}

function start(data: string, ...args: string[]): DemoProcess {
  const started = new DemoProcess(['--data', data, ...args])
  demos.push(started)
  return started
}

/** Runs the command in this process, until it ends by itself. */
async function run(...args: string[]) {
  const out: string[] = []
  const err: string[] = []
  const io = { out: (line: string) => out.push(line), err: (line: string) => err.push(line) }
  const exitCode = await demo(args, io, new AbortController().signal)
  return { exitCode, out, err: err.join('\n') }
}

describe('stopping the demo', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)(
    '%s ends it at once, though pages follow along',
    async (signal) => {
      const running = start(newFolder())
      const { shop, simulator } = await running.addresses()
      const reading = await followSomeSignup(shop)
      await fetch(simulator)
      const { exitCode, tookMs } = await running.end(signal)
      expect(exitCode).toBe(0)
      expect(tookMs).toBeLessThan(STOPS_WITHIN_MS)
      expect(await ending(reading)).toBe('over')
    },
  )

  test('in the middle of a story says nothing more and is no failure', async () => {
    const running = start(newFolder(), '--story')
    await running.says(({ part, detail }) => part === 'provisioned' && detail === 'Create the server')
    const { exitCode, tookMs } = await running.end()
    expect(exitCode).toBe(0)
    expect(tookMs).toBeLessThan(STOPS_WITHIN_MS)
    expect(running.lines.filter(({ part }) => part === 'NOT RIGHT')).toEqual([])
  })

  test('while a fleet grows keeps what is there, and the next start finds it', async () => {
    const folder = newFolder()
    const growing = start(folder, '--tenants', '10000')
    await growing.says(({ part }) => part === 'fleet')
    const { exitCode, tookMs } = await growing.end()
    expect(exitCode).toBe(0)
    expect(tookMs).toBeLessThan(STOPS_WITHIN_MS)
    const again = start(folder, '--tenants', '400')
    const { detail } = await again.says(({ part }) => part === 'fleet')
    expect(detail).toBe('400 tenants are live already')
  }, 20_000)
})

/** A customer's page that waits for the payment, with its event stream open. */
async function followSomeSignup(shop: string) {
  const body = new URLSearchParams({ subdomain: 'acme', email: 'ada@example.com', plan: 'starter' })
  const headers = { origin: new URL(shop).origin }
  const signedUp = await fetch(`${shop}signup`, { method: 'POST', body, headers, redirect: 'manual' })
  expect(signedUp.status).toBe(303)
  const checkout = await (await fetch(signedUp.headers.get('location') ?? '')).text()
  const back = /href="([^"]*\/signup\/checkout[^"]*)"/.exec(checkout)?.[1]?.replaceAll('&amp;', '&') ?? ''
  const page = await (await fetch(back.replace('/checkout', '/success'))).text()
  const events = /(?:sse-connect|hx-sse:connect)="([^"]+)"/.exec(page)?.[1]?.replaceAll('&amp;', '&') ?? ''
  const stream = await fetch(new URL(events, shop))
  expect(stream.headers.get('content-type')).toStartWith('text/event-stream')
  const reader = stream.body!.getReader()
  expect((await reader.read()).done).toBe(false)
  return reader
}

/** Whether closed or cut, a stream of a stopped demo is over. */
async function ending(reader: { read(): Promise<{ done: boolean }> }): Promise<string> {
  const last = await reader.read().catch(() => ({ done: true }))
  return last.done ? 'over' : 'still open'
}

describe('the demo’s folder', () => {
  test('keeps everything between two starts, until --fresh forgets it and nothing else', async () => {
    const folder = newFolder()
    writeFileSync(join(folder, 'notes.txt'), 'mine')
    const first = await run('--story', '--speed', '200', '--port', '0', '--data', folder)
    expect(first).toMatchObject({ exitCode: 0, err: '' })
    expect(await mailsOf(folder)).toBeGreaterThan(0)
    expect(await mailsOf(folder, '--fresh')).toBe(0)
    expect(existsSync(join(folder, 'notes.txt'))).toBe(true)
  }, 20_000)

  test('is one demo’s at a time: another says so, and forgets nothing', async () => {
    const folder = newFolder()
    const running = start(folder)
    const { mailbox } = await running.addresses()
    const second = await run('--fresh', '--port', '0', '--data', folder)
    expect(second.exitCode).toBe(1)
    expect(second.err).toStartWith('Another demo is running in this folder.')
    expect((await fetch(mailbox)).status).toBe(200)
    expect(existsSync(join(folder, 'atlas.db'))).toBe(true)
  })
})

async function mailsOf(folder: string, ...args: string[]): Promise<number> {
  const running = start(folder, ...args)
  const { mailbox } = await running.addresses()
  const { mails } = (await (await fetch(`${mailbox}.json`)).json()) as { mails: unknown[] }
  expect((await running.end()).exitCode).toBe(0)
  return mails.length
}

test.each([
  [[], undefined],
  [['--story'], 'live'],
  [['--story', '--json'], 'live'],
  [['--json', '--story', 'full', '--fresh'], 'full'],
  [['--story=full'], 'full'],
] as const)('%j tells this much of a story: %p', (args, story) => {
  expect(readDemoOptions([...args]).story).toBe(story)
})

describe('a demo that is called wrongly', () => {
  test.each([
    [['--tenants', 'many'], '--tenants takes a whole number from 0 to 10000.'],
    [['--tenants', '10001'], '--tenants takes a whole number from 0 to 10000.'],
    [['--speed', '0'], '--speed takes a number above 0'],
    [['--story', 'short'], '--story stands alone, or before `full`'],
    [['--port', '65533'], '--port takes a port number up to 65532'],
    [['--fast'], "Unknown option '--fast'"],
    [['now'], "Unexpected argument 'now'"],
  ])('%j: exits 2 with the reason and the usage', async (args, words) => {
    const { exitCode, out, err } = await run(...args)
    expect({ exitCode, out }).toEqual({ exitCode: 2, out: [] })
    expect(err).toStartWith(words)
    expect(err).toContain('Usage: atlas demo [--story [full]]')
  })

  test('says it as JSON when it was asked to', async () => {
    const { exitCode, err } = await run('--json', '--speed', 'slow')
    expect(exitCode).toBe(2)
    const { error } = JSON.parse(err) as { error: { code: string; message: string } }
    expect(error).toMatchObject({ code: 'invalid', message: expect.stringContaining('--speed takes') })
  })
})

test('a port that is taken is named, and nothing is started', async () => {
  const other = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response() })
  try {
    const base = (other.port ?? 0) - 2
    const { exitCode, err } = await run('--port', `${base}`, '--data', newFolder())
    expect(exitCode).toBe(1)
    expect(err).toContain(`The demo needs the ports ${base} to ${base + 3}`)
    expect(err).toMatch(new RegExp(`another program uses ([\\d, ]*)${other.port}`))
    expect(err).toContain('--port')
  } finally {
    other.stop(true)
  }
})
