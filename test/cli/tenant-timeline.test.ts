import { afterEach, beforeEach, expect, test } from 'bun:test'
import { audit } from '../../src/audit'
import { tenants } from '../../src/cli/tenants'
import type { Entry } from '../../src/timeline/entry'
import { openStage, type Stage } from '../stage'

let stage: Stage
let env: Record<string, string>
beforeEach(async () => {
  stage = openStage()
  const { tenantId } = await stage.tenant('ada')
  const { db, clock } = stage.services
  db.write((tx) => {
    const actor = { id: 'cli', ip: '203.0.113.9' }
    audit(tx, clock.now() + 60_000, { actor, action: 'tenant.suspension_asked', subject: tenantId })
  })
  const port = stage.app.listen(0)
  env = { ATLAS_URL: `http://127.0.0.1:${port}`, ATLAS_TOKEN: stage.apiToken().token }
})
afterEach(() => stage.close())

async function atlas(...args: string[]) {
  const out: string[] = []
  const err: string[] = []
  const io = { out: (line: string) => void out.push(line), err: (line: string) => void err.push(line) }
  const code = await tenants(args, io, env, new AbortController().signal)
  return { code, out, err }
}

test('atlas tenants timeline tells the story as a table, newest first', async () => {
  const { code, out } = await atlas('timeline', 'ada')
  expect(code).toBe(0)
  expect(out[0]).toMatch(/^AT +KIND +WHAT +MORE$/)
  expect(out[1]).toMatch(
    /^2026-11-22 12:01 UTC +action +Tenant suspension asked +by cli from 203\.0\.113\.9$/,
  )
  expect(out.length).toBeGreaterThan(4)
})

test('of one kind, as many as asked for, and says where older ones are', async () => {
  const { out, err } = await atlas('timeline', 'ada', '--kind', 'action', '--limit', '1')
  expect(out).toHaveLength(2)
  expect(err[0]).toMatch(/^What is older: --before \d+\.aud_/)
  const older = await atlas(
    'timeline',
    'ada',
    '--kind',
    'action',
    '--before',
    err[0]?.split(' ').at(-1) ?? '',
  )
  expect(older.out.join('\n')).toContain('Signup approved')
  expect(older.out.join('\n')).not.toContain('Tenant suspension asked')
})

test('as JSON for programs', async () => {
  const { out } = await atlas('timeline', 'ada', '--json', '--q', 'suspension')
  const { entries, next } = JSON.parse(out.join('')) as { entries: Entry[]; next: string | null }
  expect(entries).toMatchObject([{ kind: 'action', actor: 'cli', ip: '203.0.113.9' }])
  expect(next).toBeNull()
})

test('refuses what is wrong, with a reason and a status', async () => {
  const { code, err } = await atlas('timeline', 'ada', '--kind', 'gossip')
  expect(code).toBe(1)
  expect(err.join('\n')).toContain('kind: Must be one of event, decision')
  expect((await atlas('timeline', 'nobody')).code).toBe(1)
  expect((await atlas('timeline')).code).toBe(2)
})
