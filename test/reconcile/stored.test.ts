import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { Encrypter } from 'age-encryption'
import { eq } from 'drizzle-orm'
import { recipientOf } from '../../src/backups/key'
import { backups, tenants } from '../../src/db/schema'
import { takeSnapshot } from '../../src/reconcile/snapshot'
import { Shore } from './shore'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

let shore: Shore
beforeEach(async () => {
  shore = await Shore.open()
})
afterEach(async () => {
  expect(shore.breaches()).toEqual([])
  await shore.close()
})

async function sealed(recipient: string): Promise<Uint8Array> {
  const encrypter = new Encrypter()
  encrypter.addRecipient(recipient)
  return encrypter.encrypt(new Uint8Array(100_000))
}

const rows = () => shore.services.db.read.select().from(backups).all()
const mine = () => shore.estate.tenantId

describe('a backup that an older database has forgotten', () => {
  test('is taken up again by the look that finds it, to be kept as the plan says', async () => {
    const bytes = await sealed(await recipientOf(shore.services, mine()))
    const objectKey = shore.store(mine(), bytes)
    const createdAt = shore.estate.clock.now() - HOUR_MS
    await shore.look()
    expect(rows()).toMatchObject([
      { id: 'bak_forgotten', tenantId: mine(), method: 'app', status: 'complete', objectKey, createdAt },
    ])
    const [row] = rows()
    expect(row).toMatchObject({
      sizeBytes: bytes.length,
      // Nobody can say that it is as it was made.
      adoptedAt: expect.any(Number),
      sha256: new Bun.SHA256().update(bytes).digest('hex'),
    })
    const plan = shore.services.catalog.plan(planOf()).plan.backups
    expect(row!.expiresAt! - shore.estate.clock.now()).toBeGreaterThan(plan.retentionDays * DAY_MS - HOUR_MS)
    expect(shore.findings('resolved')).toMatchObject([{ kind: 'backup_forgotten', resolvedBy: 'atlas' }])
    expect(await shore.look()).toEqual([])
    expect(shore.stored()).toEqual([objectKey])
  })

  test('together with its key is kept as long, but as one that failed', async () => {
    const stranger = 'age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p'
    await recipientOf(shore.services, mine())
    shore.store(mine(), await sealed(stranger))
    await shore.look()
    expect(rows()).toMatchObject([{ status: 'failed', error: expect.stringContaining('was forgotten') }])
    expect(rows()[0]!.expiresAt).toBeGreaterThan(shore.estate.clock.now() + DAY_MS)
    expect(await shore.look()).toEqual([])
  })

  test('is none that opens when its tenant has no key at all, or when it is no backup', async () => {
    shore.store(mine(), new Uint8Array([1, 2, 3]))
    await shore.look()
    await recipientOf(shore.services, mine())
    shore.store(mine(), new Uint8Array([1, 2, 3]), 'bak_other')
    await shore.look()
    expect(rows().map(({ status }) => status)).toEqual(['failed', 'failed'])
  })
})

describe('a stored backup of a tenant that nobody knows', () => {
  test('is deleted after two sightings, when somebody presses', async () => {
    shore.store('ten_lost', new Uint8Array(3))
    expect(await shore.look()).toEqual(['backup_left:delete_backup'])
    await expect(shore.apply('backup_left')).rejects.toThrow('seen twice')
    shore.pass(HOUR_MS)
    expect(await shore.look()).toEqual(['backup_left:delete_backup'])
    expect(shore.stored()).toHaveLength(1)
    await shore.apply('backup_left')
    expect(shore.stored()).toEqual([])
    expect(shore.ledger()).toContain('deleteObject done')
    expect(await shore.look()).toEqual([])
  })
})

test('a stored backup whose row says that it was removed stays when the row says otherwise by then', async () => {
  const objectKey = shore.store(mine(), new Uint8Array(3))
  const row = { id: 'bak_forgotten', tenantId: mine(), method: 'app', reason: 'by_hand', objectKey } as const
  shore.services.db.write((tx) =>
    tx
      .insert(backups)
      .values({ ...row, status: 'removed', createdAt: 1 })
      .run(),
  )
  await shore.look()
  shore.pass(HOUR_MS)
  expect(await shore.look()).toEqual(['backup_left:delete_backup'])
  shore.services.db.write((tx) => tx.update(backups).set({ status: 'complete' }).run())
  await expect(shore.apply('backup_left')).rejects.toThrow('no longer as it was found')
  expect(shore.stored()).toEqual([objectKey])
})

test('of all that is stored a look keeps in mind only what no row keeps', async () => {
  const count = 1_200
  for (let number = 0; number < count; number++) {
    const id = `bak_${number}`
    const objectKey = shore.store(mine(), new Uint8Array(1), id)
    const row = { id, tenantId: mine(), method: 'app', reason: 'scheduled', objectKey } as const
    shore.services.db.write((tx) =>
      tx
        .insert(backups)
        .values({ ...row, status: number === 7 ? 'removed' : 'complete', createdAt: 1 })
        .run(),
    )
  }
  const forgotten = shore.store(mine(), new Uint8Array(1))
  const seen = new Map<string, number | undefined>()
  const { objects } = await takeSnapshot(shore.services, (name, many) => seen.set(name, many))
  expect(objects.map(({ key }) => key)).toEqual([forgotten.replace('forgotten', '7'), forgotten])
  expect(seen.get('backups')).toBe(count + 1)
})

function planOf(): string {
  const row = shore.services.db.read.select().from(tenants).where(eq(tenants.id, mine())).get()
  return row?.planId ?? ''
}
