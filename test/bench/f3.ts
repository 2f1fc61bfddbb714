/** F3: the operator's tenant list and tenant page with 10,000 tenants, beside Elysia giving the same bytes. */
import { join } from 'node:path'
import { freshBinary, withAtlas } from './binary.ts'
import { fleetEnvironment, operatorCookie } from './fleet.ts'
import type { Result } from './run.ts'

const tenants = 10_000
const list = '/admin/tenants?status=active&plan=virtues/starter&sort=subdomain&dir=asc'
const warmUps = 300
const requests = 1_000
const readersAtOnce = 8
const p99MsMax = 10
const shareMin = 0.5

/** `p99Ms` of one reader after the other; `share` of Elysia's throughput with eight readers at once. */
export type Page = { name: string; p99Ms: number; share: number }

export async function measure(): Promise<Result> {
  const env = await fleetEnvironment(tenants)
  const cookie = operatorCookie(env.BASE_URL ?? '')
  return withAtlas(await freshBinary(), env, async ({ url }) => {
    const listUrl = `${url}${list}`
    const html = await (await fetch(listUrl, { headers: { cookie } })).text()
    const tenant = /\/admin\/tenants\/ten_[a-z0-9]+/.exec(html)?.[0]
    if (!tenant) throw new Error('the list shows no tenant')
    return judge([
      await measurePage('list', listUrl, cookie),
      await measurePage('tenant', `${url}${tenant}`, cookie),
    ])
  })
}

/** The verdict: every page has to be quick, and at least half as productive as Elysia. */
export function judge(pages: Page[]): Result {
  const figures = pages.map(
    ({ name, p99Ms, share }) => `${name}_p99_ms=${p99Ms.toFixed(1)} ${name}_of_elysia=${share.toFixed(2)}`,
  )
  return {
    line: figures.join(' '),
    pass: pages.every(({ p99Ms, share }) => p99Ms < p99MsMax && share >= shareMin),
  }
}

async function measurePage(name: string, url: string, cookie: string): Promise<Page> {
  const ask = async () => {
    const answer = await fetch(url, { headers: { cookie }, redirect: 'manual' })
    if (answer.status !== 200) throw new Error(`${url} answered ${answer.status}`)
    return answer.text()
  }
  const bytes = await ask()
  await throughput(ask, warmUps)
  const waits = await waitsOf(ask)
  const ours = await throughput(ask, requests)
  const theirs = await withElysia(bytes, async (same) => {
    await throughput(same, warmUps)
    return throughput(same, requests)
  })
  return { name, p99Ms: waits[Math.ceil(waits.length * 0.99) - 1] ?? 0, share: ours / theirs }
}

async function waitsOf(ask: () => Promise<string>): Promise<number[]> {
  const waits: number[] = []
  for (let i = 0; i < requests; i++) {
    const startedAt = performance.now()
    await ask()
    waits.push(performance.now() - startedAt)
  }
  return waits.sort((a, b) => a - b)
}

/** Requests a second. */
async function throughput(ask: () => Promise<string>, count: number): Promise<number> {
  let left = count
  const startedAt = performance.now()
  const reader = async () => {
    while (left-- > 0) await ask()
  }
  await Promise.all(Array.from({ length: readersAtOnce }, reader))
  return count / ((performance.now() - startedAt) / 1_000)
}

/** Elysia in a process of its own, as Atlas is. */
async function withElysia<T>(bytes: string, use: (ask: () => Promise<string>) => Promise<T>): Promise<T> {
  const elysia = Bun.spawn([process.execPath, join(import.meta.dir, 'elysia.ts')], {
    stdin: new Blob([bytes]),
  })
  try {
    const reader = elysia.stdout.getReader()
    const url = new TextDecoder().decode((await reader.read()).value).trim()
    return await use(async () => (await fetch(url)).text())
  } finally {
    elysia.kill('SIGKILL')
    await elysia.exited
  }
}
