import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { recipientOf } from '../../src/backups/key'
import { tenants } from '../../src/cli/tenants'
import { backups } from '../../src/db/schema'
import type { Machines } from '../../src/providers/machines'
import type { Objects } from '../../src/providers/objects'
import { latestRun } from '../../src/runs/run'
import { serverOf } from '../../src/tenants/tenant'
import { endRun, liveTenant, openLivingStage } from '../routes/living'
import type { Stage } from '../stage'

let folder: string
let stage: Stage
let port: number
let id: string
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'atlas-backups-'))
  stage = openLivingStage(undefined, join(folder, 'atlas.db'))
  const machines: Machines = {
    run: async () => ({ result: { ready: true }, hostKey: 'ssh-ed25519 AAAA' }),
    close() {},
  }
  Object.assign(stage.services, { objects: {} as Objects, machines })
  port = stage.app.listen(0)
  id = await liveTenant(stage)
  stage.services.db.sqlite.run("UPDATE servers SET host_key = 'ssh-ed25519 AAAA'")
  stage.clock.advance(1_000)
})
afterEach(async () => {
  await stage.close()
  rmSync(folder, { recursive: true })
})

async function atlas(words: string) {
  const out: string[] = []
  const err: string[] = []
  const io = { out: (line: string) => void out.push(line), err: (line: string) => void err.push(line) }
  const env = { DATA_DIR: folder, PORT: String(port) }
  const exitCode = await tenants(words.split(' '), io, env, new AbortController().signal)
  return { exitCode, out: out.join('\n'), err: err.join('\n') }
}

const run = () => latestRun(stage.services.db.read, id)

function put(change: Partial<typeof backups.$inferInsert> = {}): void {
  const backup = {
    id: 'bak_one',
    tenantId: id,
    serverId: serverOf(stage.services.db.read, id).id,
    method: 'app',
    reason: 'by_hand',
    status: 'complete',
    sizeBytes: 12_345_678,
    createdAt: Date.UTC(2026, 10, 20, 8),
    expiresAt: Date.UTC(2026, 10, 27, 8),
    ...change,
  } as const
  stage.services.db.write((tx) => tx.insert(backups).values(backup).run())
}

describe('atlas tenants backups', () => {
  test('lists them with size and age, as a table or as JSON', async () => {
    put()
    const { exitCode, out, err } = await atlas('backups ada-lovelace')
    expect([exitCode, err]).toEqual([0, '1 backup, page 1 of 1'])
    const [head, row] = out.split('\n')
    expect(head).toMatch(/^BACKUP +MADE +OF +STATUS +SIZE +WHY +KEPT UNTIL$/)
    expect(row).toMatch(
      /^bak_one +2026-11-20 08:00 UTC +app +complete +12\.3 MB +by hand +2026-11-27 08:00 UTC$/,
    )
    expect(JSON.parse((await atlas('backups ada-lovelace --json')).out).backups[0].id).toBe('bak_one')
  })

  test('backup makes one, of the app or of the disk', async () => {
    for (const [words, method] of [
      ['backup ada-lovelace', 'app'],
      ['backup ada-lovelace --image', 'image'],
    ] as const) {
      expect((await atlas(words)).out).toStartWith(`${run()?.id} is queued.`)
      expect(JSON.parse(run()?.input ?? '')).toMatchObject({ method, reason: 'by_hand' })
      endRun(stage, id)
      stage.clock.advance(1_000)
    }
  })
})

describe('atlas tenants restore', () => {
  test('says what is lost, wants the name, and puts the one back that is named', async () => {
    put()
    const asked = await atlas('restore ada-lovelace bak_one')
    expect(asked.exitCode).toBe(1)
    expect(asked.err).toContain(
      'Everything that was changed since the backup of 2026-11-20 08:00 UTC is lost.',
    )
    expect(asked.err).toContain('Say --yes ada-lovelace')
    expect((await atlas('restore ada-lovelace bak_one --yes grace')).exitCode).toBe(1)
    expect(run()?.kind).toBe('provision')
    expect((await atlas('restore ada-lovelace bak_one --yes ada-lovelace')).exitCode).toBe(0)
    expect(run()).toMatchObject({ kind: 'restore', status: 'queued' })
  })

  test('wants to be told twice of one that nobody can vouch for', async () => {
    put({ adoptedAt: stage.clock.now() })
    expect((await atlas('backups ada-lovelace')).out).toMatch(/^bak_one .* app +unverified +12\.3 MB/m)
    const refused = await atlas('restore ada-lovelace bak_one --yes ada-lovelace')
    expect([refused.exitCode, run()?.kind]).toEqual([1, 'provision'])
    expect(refused.err).toContain('(--accept-unverified)')
    const words = 'restore ada-lovelace bak_one --accept-unverified --yes ada-lovelace'
    expect((await atlas(words)).exitCode).toBe(0)
    expect(run()).toMatchObject({ kind: 'restore', status: 'queued' })
  })

  test('finds the latest that can be restored, and old ones on later pages', async () => {
    put({ id: 'bak_gone', status: 'removed', createdAt: Date.UTC(2026, 10, 21) })
    for (let at = 0; at < 60; at++) put({ id: `bak_${at}`, createdAt: Date.UTC(2026, 9, 1) - at })
    const last = await atlas('restore ada-lovelace bak_59 --yes ada-lovelace')
    expect(last.exitCode).toBe(0)
    expect(JSON.parse(run()?.input ?? '')).toEqual({ backupId: 'bak_59' })
    endRun(stage, id)
    stage.clock.advance(1_000)
    await atlas('restore ada-lovelace latest --yes ada-lovelace')
    expect(JSON.parse(run()?.input ?? '')).toEqual({ backupId: 'bak_0' })
  })

  test('says when there is no such backup', async () => {
    expect((await atlas('restore ada-lovelace latest --yes ada-lovelace')).err).toContain(
      'There is no backup that could be restored.',
    )
    expect((await atlas('restore ada-lovelace bak_x --yes ada-lovelace')).err).toContain(
      'There is no backup "bak_x" of this tenant.',
    )
  })
})

test('atlas tenants move says what goes and for how long, wants the name, and hands backup and plan on', async () => {
  put()
  const asked = await atlas('move ada-lovelace')
  expect(asked.err).toContain('is deleted once the app is healthy on a new one.')
  expect(asked.exitCode).toBe(1)
  const moved = await atlas('move ada-lovelace --backup bak_one --plan virtues/pro --yes ada-lovelace')
  expect(moved.err).toContain('Everything that was changed since bak_one was made is lost.')
  expect(moved.err).toContain('Visitors get no answer for about 3 minutes.')
  expect(moved.exitCode).toBe(0)
  expect(run()?.kind).toBe('move')
  expect(JSON.parse(run()?.input ?? '')).toMatchObject({ backupId: 'bak_one', planId: 'virtues/pro' })
})

test('atlas tenants rotate-secrets queues the rotation', async () => {
  expect((await atlas('rotate-secrets ada-lovelace')).exitCode).toBe(0)
  expect(run()?.kind).toBe('rotate-secrets')
  expect(await atlas('rotate-secrets ada-lovelace')).toMatchObject({ exitCode: 1 })
})

describe('atlas tenants backup-key', () => {
  test('prints the key and nothing else, for whoever says the name', async () => {
    await recipientOf(stage.services, id)
    const { exitCode, out, err } = await atlas('backup-key ada-lovelace --yes ada-lovelace')
    expect([exitCode, out]).toEqual([0, expect.stringMatching(/^AGE-SECRET-KEY-1[A-Z0-9]{58}$/)])
    expect(err).toContain('reads everything that ada-lovelace has in its app')
    const { out: json } = await atlas('backup-key ada-lovelace --yes ada-lovelace --json')
    expect(JSON.parse(json)).toEqual({ identity: out })
  })

  test('refuses without the name, and where there is no key', async () => {
    const unconfirmed = await atlas('backup-key ada-lovelace --yes ada')
    expect([unconfirmed.exitCode, unconfirmed.out]).toEqual([1, ''])
    const none = await atlas('backup-key ada-lovelace --yes ada-lovelace')
    expect([none.exitCode, none.out]).toEqual([1, ''])
    expect(none.err).toContain('ada-lovelace has no key')
  })
})
