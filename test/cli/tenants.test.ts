import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { COMMAND_TOKEN, listApiTokens } from '../../src/accounts/api-token'
import { withRemote } from '../../src/cli/remote'
import { tenants } from '../../src/cli/tenants'
import { latestRun } from '../../src/runs/run'
import { getTenant } from '../../src/tenants/tenant'
import { endRun, liveTenant, openLivingStage } from '../routes/living'
import type { Stage } from '../stage'

let folder: string
let stage: Stage
let port: number
let id: string
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'atlas-tenants-'))
  stage = openLivingStage(undefined, join(folder, 'atlas.db'))
  port = stage.app.listen(0)
  id = await liveTenant(stage)
})
afterEach(async () => {
  await stage.close()
  rmSync(folder, { recursive: true })
})

type Called = { exitCode: number; out: string; err: string }

async function atlas(words: string, env: Record<string, string> = {}, stop = new AbortController().signal) {
  const out: string[] = []
  const err: string[] = []
  const io = { out: (line: string) => void out.push(line), err: (line: string) => void err.push(line) }
  const beside = { DATA_DIR: folder, PORT: String(port) }
  const exitCode = await tenants(words.split(' ').filter(Boolean), io, { ...beside, ...env }, stop)
  return { exitCode, out: out.join('\n'), err: err.join('\n') } satisfies Called
}

const run = () => latestRun(stage.services.db.read, id)
const status = () => getTenant(stage.services.db.read, id).status
const liveTokens = () => listApiTokens(stage.services.db.read).filter(({ revokedAt }) => revokedAt === null)

describe('atlas tenants', () => {
  test('lists them as a table for people, with their number beside it', async () => {
    await liveTenant(stage, 'grace-hopper')
    const { exitCode, out, err } = await atlas('list')
    expect([exitCode, err]).toEqual([0, '2 tenants, page 1 of 1'])
    const [head, ...rows] = out.split('\n')
    expect(head).toMatch(/^NAME +STATUS +PLAN +RELEASE +OWNER +CREATED$/)
    expect(rows).toHaveLength(2)
    const column = head?.indexOf('STATUS') ?? -1
    for (const row of rows) expect(row.slice(column)).toStartWith('active')
    expect((await atlas('list --q grace')).out).not.toContain('ada-lovelace')
    expect(await atlas('list --status suspended')).toMatchObject({ out: '', err: '0 tenants, page 1 of 1' })
  })

  test('lists and shows them as JSON for programs', async () => {
    const { tenants: listed } = JSON.parse((await atlas('list --json')).out)
    expect(listed).toMatchObject([{ id, subdomain: 'ada-lovelace', status: 'active' }])
    expect(JSON.parse((await atlas('show ada-lovelace --json')).out)).toMatchObject({ id, delete_at: null })
  })

  test('shows one by its name or its id, also when it is deleted', async () => {
    const shown = await atlas('show ada-lovelace')
    expect(shown.out).toMatch(/^status +active$/m)
    expect(shown.out).toMatch(/^plan +Starter \(virtues\/starter\)$/m)
    expect(await atlas(`show ${id}`)).toEqual(shown)
    stage.services.db.sqlite.run("UPDATE tenants SET status = 'deleting'; ")
    stage.services.db.sqlite.run("UPDATE tenants SET status = 'deleted'; ")
    expect((await atlas('show ada-lovelace')).out).toMatch(/^status +deleted$/m)
    expect(await atlas('show ada')).toMatchObject({
      exitCode: 1,
      err: expect.stringContaining('There is no tenant "ada"'),
    })
  })

  test('finds a name that is part of a page full of younger ones', async () => {
    for (let n = 0; n < 60; n++) {
      stage.services.db.sqlite.run(
        `INSERT INTO tenants (id, organization_id, plan_id, blueprint, subdomain, skeleton, release, status, data_key, created_at, updated_at)
         SELECT ?, organization_id, plan_id, blueprint, ?, ?, release, 'active', data_key, created_at + 1, 0
         FROM tenants WHERE id = ?`,
        [`ten_${n}`, `ada-lovelace-${n}`, `ada-lovelace-${n}`, id],
      )
    }
    expect((await atlas('show ada-lovelace')).out).toContain(id)
    expect((await atlas('show ada-love')).err).toContain('There is no tenant "ada-love"')
  })

  test('suspends, resumes, changes the plan, and says which run does it', async () => {
    for (const [words, kind, then] of [
      ['suspend ada-lovelace', 'suspend', 'suspended'],
      ['resume ada-lovelace', 'resume', 'active'],
      ['plan ada-lovelace virtues/pro', 'change-plan', 'active'],
    ] as const) {
      const { exitCode, out } = await atlas(words)
      expect([exitCode, run()?.kind]).toEqual([0, kind])
      expect(out).toStartWith(`${run()?.id} is queued.`)
      endRun(stage, id)
      if (status() !== then) stage.services.db.sqlite.run('UPDATE tenants SET status = ?', [then])
    }
  })

  test('says for how many minutes a change of plan takes the site away', async () => {
    expect((await atlas('plan ada-lovelace virtues/pro')).err).toBe(
      'Visitors get no answer for about 5 minutes.',
    )
  })

  test('gives a tenant tags and no others', async () => {
    expect(await atlas('tag ada-lovelace beta,early')).toMatchObject({ exitCode: 0, out: 'beta\nearly' })
    expect((await atlas('show ada-lovelace')).out).toMatch(/^tags +beta, early$/m)
    expect((await atlas('tag ada-lovelace late --json')).out).toBe('{"tags":["late"]}')
    expect(await atlas('tag ada-lovelace Late')).toMatchObject({
      exitCode: 1,
      err: expect.stringContaining('tags: Must be'),
    })
  })

  test('refuses with the server’s own reason and 1', async () => {
    expect(await atlas('resume ada-lovelace')).toEqual({
      exitCode: 1,
      out: '',
      err: 'ada-lovelace is active. Only a suspended tenant can be resumed.',
    })
  })

  test('deletes only what is named twice, and brings it back', async () => {
    for (const words of ['delete ada-lovelace', 'delete ada-lovelace --yes ada']) {
      expect(await atlas(words)).toMatchObject({ exitCode: 1, out: '' })
    }
    expect(status()).toBe('active')
    const { exitCode, err } = await atlas(
      'delete ada-lovelace --yes ada-lovelace --cool-off-days 2 --no-image',
    )
    expect(exitCode).toBe(0)
    expect(err).toContain('It can be brought back for 2 days.')
    expect(JSON.parse(run()?.input ?? '')).toMatchObject({ withImage: false })
    expect(status()).toBe('deleting')
    expect((await atlas('undelete ada-lovelace')).exitCode).toBe(0)
    expect(run()?.cancelRequestedAt).not.toBeNull()
  })

  test('mends the latest run: retry, undo and cancel', async () => {
    await atlas('suspend ada-lovelace')
    expect((await atlas('cancel ada-lovelace --json')).out).toBe(JSON.stringify({ run_id: run()?.id }))
    endRun(stage, id, 'failed')
    expect((await atlas('retry ada-lovelace')).exitCode).toBe(0)
    endRun(stage, id, 'failed')
    expect((await atlas('undo ada-lovelace')).exitCode).toBe(0)
    expect(run()).toMatchObject({ direction: 'undo', status: 'queued' })
  })

  test('undoes what loses something only when it is named twice', async () => {
    await atlas('suspend ada-lovelace')
    endRun(stage, id, 'failed')
    stage.services.db.sqlite.run("UPDATE runs SET kind = 'rotate-secrets' WHERE kind = 'suspend'")
    const refused = await atlas('undo ada-lovelace --yes ada')
    expect([refused.exitCode, refused.err]).toEqual([1, expect.stringContaining('The new secrets')])
    expect(run()).toMatchObject({ direction: 'forward', status: 'failed' })
    expect((await atlas('undo ada-lovelace --yes ada-lovelace')).exitCode).toBe(0)
  })
})

describe('--wait', () => {
  /** Lets the run come to its next state, once the command has queued it. */
  const soon = (work: () => void) => {
    const timer = setInterval(() => {
      if (run()?.kind !== 'suspend') return
      clearInterval(timer)
      work()
    }, 20)
  }

  test('tells each step as it ends, and is 0 when all went well', async () => {
    soon(() => {
      stage.services.db.sqlite.run("UPDATE steps SET status = 'succeeded' WHERE name = 'stop-app'")
      endRun(stage, id)
    })
    expect(await atlas('suspend ada-lovelace --wait')).toEqual({
      exitCode: 0,
      out: 'done    Stop the app',
      err: 'The run has succeeded.',
    })
  })

  test('is 1 when the run stops, with the reason', async () => {
    soon(() => endRun(stage, id, 'failed'))
    const { exitCode, err } = await atlas('suspend ada-lovelace --wait')
    expect([exitCode, err]).toEqual([1, 'The run stopped: It broke.'])
  })

  test('can be left: what was begun goes on', async () => {
    const stop = new AbortController()
    soon(() => stop.abort())
    const { exitCode, err } = await atlas('suspend ada-lovelace --wait', {}, stop.signal)
    expect([exitCode, err]).toEqual([1, 'Stopped. What was begun goes on without this command.'])
    expect(run()?.status).toBe('queued')
    expect(liveTokens()).toEqual([])
  })
})

describe('the Atlas that is asked', () => {
  test('is the one beside the command, with a token that ends with it', async () => {
    await atlas('list')
    expect(listApiTokens(stage.services.db.read)).toHaveLength(1)
    expect(liveTokens()).toEqual([])
  })

  test('is left in peace when somebody else has revoked the token meanwhile', async () => {
    const env = { DATA_DIR: folder, PORT: String(port) }
    const io = { out: () => {}, err: () => {} }
    const exitCode = await withRemote(env, io, new AbortController().signal, async () => {
      stage.services.db.sqlite.run('UPDATE api_tokens SET revoked_at = 1')
      return 0
    })
    expect(exitCode).toBe(0)
  })

  test('leaves the token of a command that has waited for weeks', async () => {
    stage.apiToken(COMMAND_TOKEN)
    stage.services.db.sqlite.run('UPDATE api_tokens SET created_at = ?', [Date.now() - 29 * 86_400_000])
    await atlas('list')
    expect(liveTokens()).toHaveLength(1)
  })

  test('gives up tokens that a killed command has left', async () => {
    const { token } = stage.apiToken(COMMAND_TOKEN)
    stage.services.db.sqlite.run('UPDATE api_tokens SET created_at = 0')
    await atlas('list')
    expect(liveTokens()).toEqual([])
    expect(token).toStartWith('atlas_')
  })

  test('is another one with ATLAS_URL and ATLAS_TOKEN', async () => {
    const { token } = stage.apiToken('laptop')
    const env = { ATLAS_URL: `http://127.0.0.1:${port}/`, ATLAS_TOKEN: token, DATA_DIR: '/nowhere' }
    expect((await atlas('list', env)).exitCode).toBe(0)
    expect(liveTokens()).toHaveLength(1)
    const wrong = await atlas('list', { ...env, ATLAS_TOKEN: 'atlas_x' })
    expect(wrong).toMatchObject({ exitCode: 1, err: expect.stringContaining('API token') })
  })

  test.each([
    [{ ATLAS_URL: 'http://127.0.0.1:1', ATLAS_TOKEN: 'atlas_x' }, 'No Atlas answers at http://127.0.0.1:1'],
    [{ ATLAS_URL: 'http://shop.example.com', ATLAS_TOKEN: 'atlas_x' }, 'must begin with https://'],
    [{ ATLAS_URL: 'shop', ATLAS_TOKEN: 'atlas_x' }, 'ATLAS_URL must be'],
    [{ ATLAS_URL: 'https://shop.example.com' }, 'Give both ATLAS_URL and ATLAS_TOKEN'],
    [{ DATA_DIR: '/nowhere' }, 'holds no database'],
    [{ PORT: 'x' }, 'PORT must be a port number'],
  ])('%j is refused with 1 and the reason', async (env, words) => {
    expect(await atlas('list', env)).toMatchObject({
      exitCode: 1,
      out: '',
      err: expect.stringContaining(words),
    })
    expect(liveTokens()).toEqual([])
  })

  test('that is no Atlas is told apart from one that refuses', async () => {
    const other = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response('hello') })
    try {
      const env = { ATLAS_URL: `http://127.0.0.1:${other.port}`, ATLAS_TOKEN: 'atlas_x' }
      expect(await atlas('list', env)).toMatchObject({
        exitCode: 1,
        err: expect.stringContaining('not as an Atlas does'),
      })
    } finally {
      await other.stop(true)
    }
  })
})

describe('called wrongly it gives its usage and 2:', () => {
  test.each([
    '',
    'fly',
    'constructor',
    'show',
    'show a b',
    'list a',
    'plan ada',
    'suspend ada --force',
    'delete ada --cool-off-days',
  ])('“%s”', async (words) => {
    const { exitCode, out, err } = await atlas(words)
    expect([exitCode, out]).toEqual([2, ''])
    expect(err).toContain('Usage: atlas tenants')
  })
})
