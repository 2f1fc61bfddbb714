import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { blueprint } from '../../src/cli/blueprint'

const VIRTUES = join(import.meta.dir, '../../cloud-init/virtues')
let root: string
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'atlas-blueprint-'))
})
afterAll(() => rmSync(root, { recursive: true }))

const check = (...args: string[]) => run('check', ...args)

async function run(...args: string[]) {
  const out: string[] = []
  const err: string[] = []
  const code = await blueprint(args, { out: (line) => out.push(line), err: (line) => err.push(line) })
  return { code, out: out.join('\n'), err: err.join('\n') }
}

describe('atlas blueprint check', () => {
  test('shows plans, settings and user-data of a sound blueprint, without any secret', async () => {
    const { code, out, err } = await check(VIRTUES)
    expect([code, err]).toEqual([0, ''])
    expect(out).toMatch(
      /starter\s+Starter\s+\$29\.00 a month\s+STRIPE_PRICE_STARTER\s+manual\s+3 shared vCPU/,
    )
    expect(out).toMatch(/APP_URL\s+https:\/\/alice\.example\.com/)
    expect(out).toMatch(/DATABASE_PASSWORD\s+••••••••\n/)
    expect(out).toContain('#cloud-config')
    expect(out).toContain('migration: /app/migrate (app)\n')
    expect(out).toContain('known releases: v43 (expand), v42 (none)')
    expect(out).toMatch(/BEGIN OPENSSH PRIVATE KEY-----\n\s+•+\n/)
  })

  test('lists every problem of an unsound one and exits 1', async () => {
    const dir = join(root, 'virtues')
    cpSync(VIRTUES, dir, { recursive: true })
    const text = readFileSync(join(VIRTUES, 'blueprint.yaml'), 'utf8')
    writeFileSync(join(dir, 'blueprint.yaml'), text.replace('#5b4bd6', 'red').replace('usd', 'dollars'))
    const { code, out, err } = await check(dir)
    expect([code, out]).toEqual([1, ''])
    expect(err).toContain('The blueprint has 2 problems:')
    expect(err).toContain('shop.accent must be a colour')
    expect(err).toContain('plans.0.price.currency must be a currency')
  })

  test('says which files are missing', async () => {
    const { code, err } = await check(join(root, 'nowhere'))
    expect(code).toBe(1)
    for (const file of ['blueprint.yaml', 'user-data.yaml', 'compose.yaml']) expect(err).toContain(file)
  })

  const wrongly = [[], ['check'], ['check', '--help'], ['check', 'a', 'b'], ['fly', 'a']]
  test.each(wrongly.map((args) => [args]))('called with %j gives its usage and exits 2', async (args) => {
    expect(await run(...args)).toEqual({ code: 2, out: '', err: 'Usage: atlas blueprint check DIR' })
  })
})
