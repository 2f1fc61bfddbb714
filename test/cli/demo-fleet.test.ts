import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { Decrypter } from 'age-encryption'
import { eq, inArray } from 'drizzle-orm'
import { dueBackups } from '../../src/backups/due'
import { seedFleet } from '../../src/cli/demo-fleet'
import { PEOPLE_MAX, people } from '../../src/cli/fleet/people'
import { liveStory } from '../../src/cli/story'
import { checkStory } from '../../src/cli/story-check'
import * as tables from '../../src/db/schema'
import { compare } from '../../src/reconcile/compare'
import { readKnown } from '../../src/reconcile/known'
import { takeSnapshot } from '../../src/reconcile/snapshot'
import { stepsOf } from '../../src/runs/steps'
import { judgeForm, skeletonOf } from '../../src/signups/subdomain'
import { BACKUP_KEY, readSecrets } from '../../src/tenants/secrets'
import { tenantStory } from '../../src/tenants/story'
import { serverOf, type TenantRow } from '../../src/tenants/tenant'
import { ADA, type SmallDemo, startSmallDemo } from './small-demo'

const DAY_MS = 86_400_000
const FLEET = 40

describe('a fleet', () => {
  let small: SmallDemo
  let fleet: TenantRow[]
  let ada: TenantRow
  beforeAll(async () => {
    small = await startSmallDemo()
    await liveStory(small.scene, ADA)
    await seedFleet(small.services, small.clouds, FLEET)
    const all = tenants()
    ada = all.find(({ subdomain }) => subdomain === ADA.subdomain)!
    fleet = all.filter(({ id }) => id !== ada.id)
  }, 20_000)
  afterAll(() => small.stop())

  const tenants = () => small.services.db.read.select().from(tables.tenants).all()
  const samples = () => [fleet[0]!, fleet[17]!, fleet.at(-1)!]

  test('counts those who are live already', () => {
    expect(fleet).toHaveLength(FLEET - 1)
  })

  test('grows by the difference, and a start with as many adds nothing', async () => {
    const { services, clouds } = small
    expect(await seedFleet(services, clouds, FLEET)).toBe(0)
    expect(await seedFleet(services, clouds, 10)).toBe(0)
    expect(await seedFleet(services, clouds, FLEET + 5)).toBe(5)
    expect(tenants()).toHaveLength(FLEET + 5)
    expect(new Set(tenants().map(({ subdomain }) => subdomain)).size).toBe(FLEET + 5)
  })

  test('tells its progress, and stops when it is asked to', async () => {
    const stopping = new AbortController()
    const seen: number[][] = []
    const onProgress = (...numbers: number[]) => {
      seen.push(numbers)
      stopping.abort()
    }
    const made = await seedFleet(small.services, small.clouds, 1_000, { onProgress, stop: stopping.signal })
    expect(seen).toEqual([[made, 1_000 - FLEET - 5]])
  })

  test('came over the last months, more and more, on every plan', () => {
    const now = small.services.clock.now()
    const ages = fleet.map(({ createdAt }) => (now - createdAt) / DAY_MS)
    expect(Math.max(...ages)).toBeGreaterThan(120)
    expect(Math.max(...ages)).toBeLessThan(185)
    expect(Math.min(...ages)).toBeLessThan(10)
    expect(ages.filter((age) => age < 60).length).toBeGreaterThan(ages.filter((age) => age > 120).length)
    expect(new Set(fleet.map(({ planId }) => planId))).toEqual(new Set(['virtues/starter', 'virtues/pro']))
  })

  test('agrees with the clouds: the check of a story holds for each', async () => {
    const { db } = small.services
    for (const tenant of samples()) {
      const signup = db.read
        .select()
        .from(tables.signups)
        .where(eq(tables.signups.id, tenant.signupId!))
        .get()!
      const customer = { subdomain: tenant.subdomain, email: signup.email, plan: tenant.planId }
      const problems = await checkStory(db, small.clouds.urls.clouds, customer)
      // Mails of months ago are no longer in the mailbox.
      expect(problems).toEqual(['0 welcome mails were accepted instead of one'])
    }
  })

  test('answers over SSH with the pinned host keys, at the gateway and at the front door', async () => {
    const { services, clouds } = small
    for (const tenant of samples()) {
      const { ipv4, hostKey } = serverOf(services.db.read, tenant.id)
      const target = { address: ipv4!, hostKeys: [hostKey!] }
      const { result } = await services.machines.run(target, { verb: 'status', commandId: 'look', input: {} })
      expect(result).toMatchObject({
        ready: true,
        host_key: hostKey,
        app: { state: 'running', release: 'v42' },
      })

      const host = `${tenant.subdomain}.localhost:${new URL(clouds.urls.tenants).port}`
      const url = `http://${host}/health`
      const answer = await services.probe.get({ url, address: ipv4!, timeoutMs: 5_000 })
      expect(answer).toMatchObject({ ok: true, status: 200 })
      const page = await fetch(clouds.urls.tenants, { headers: { host } })
      expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('<h1>')])
    }
  })

  test('shows no host key but its own', async () => {
    const { machines, db } = small.services
    const [one, other] = [serverOf(db.read, fleet[1]!.id), serverOf(db.read, fleet[2]!.id)]
    const target = { address: one.ipv4!, hostKeys: [other.hostKey!] }
    const asked = machines.run(target, { verb: 'status', commandId: 'look', input: {} })
    await expect(asked).rejects.toMatchObject({ name: 'AtlasError' })
  })

  test('is at Stripe in its present period, as Atlas has it', async () => {
    const { db, payments, clock } = small.services
    for (const { organizationId } of samples()) {
      const mine = eq(tables.subscriptions.organizationId, organizationId)
      const row = db.read.select().from(tables.subscriptions).where(mine).get()!
      const { id, status, priceId, currentPeriodEnd } = await payments.getSubscription(row.stripeId)
      expect(row).toMatchObject({ stripeId: id, status, priceId, currentPeriodEnd })
      expect(currentPeriodEnd).toBeGreaterThan(clock.now())
      expect(currentPeriodEnd).toBeLessThan(clock.now() + 32 * DAY_MS)
    }
  })

  test('holds secrets that open, each tenant its own', () => {
    const { services } = small
    const [one, other] = [fleet[0]!, fleet[1]!].map((tenant) =>
      readSecrets(services.db.read, services, tenant),
    )
    const { [BACKUP_KEY]: _, ...own } = one!
    expect(Object.keys(own).sort()).toEqual(Object.keys(readSecrets(services.db.read, services, ada)).sort())
    expect(one!.DATABASE_PASSWORD).not.toBe(other!.DATABASE_PASSWORD)
  })

  test('is well by what Atlas knows, and asked in turns', () => {
    const { db } = small.services
    const checks = db.read.select().from(tables.healthChecks).all()
    const mine = checks.filter(({ tenantId }) => fleet.some(({ id }) => id === tenantId))
    expect(mine).toHaveLength(fleet.length)
    expect(new Set(mine.map(({ state }) => state))).toEqual(new Set(['healthy']))
    expect(new Set(mine.map(({ dueAt }) => dueAt)).size).toBeGreaterThan(fleet.length / 2)
  })

  test('has the backups that its plans promise, none is due, and they open', async () => {
    const { db, clock } = small.services
    const rows = db.read.select().from(tables.backups).all()
    expect(await dueBackups(small.services, clock.now())).toEqual([])
    const stored = small.clouds.s3.stored()
    const app = rows.filter(({ method }) => method === 'app')
    expect(app.length).toBeGreaterThan(tenants().length - 5)
    expect(stored.map(({ key }) => key).sort()).toEqual(app.map(({ objectKey }) => objectKey!).sort())
    const pros = tenants().filter(({ planId }) => planId === 'virtues/pro')
    expect(rows.length - app.length).toBeLessThanOrEqual(pros.length)
    expect(rows.length - app.length).toBeGreaterThan(0)

    const { tenantId, objectKey, sha256 } = app[0]!
    const bytes = Buffer.from(stored.find(({ key }) => key === objectKey)!.body, 'base64')
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(sha256!)
    const tenant = fleet.find(({ id }) => id === tenantId)!
    const decrypter = new Decrypter()
    decrypter.addIdentity(readSecrets(db.read, small.services, tenant)[BACKUP_KEY]!)
    expect(JSON.parse(await decrypter.decrypt(bytes, 'text'))).toMatchObject({ data: { notes: [] } })
  })

  test('shows no drift', async () => {
    const { services } = small
    const snapshot = await takeSnapshot(services, () => {})
    expect(snapshot.servers.length).toBe(tenants().length)
    const known = await readKnown(services, snapshot, snapshot.takenAt)
    expect(await compare(snapshot, known, services.clock.now())).toEqual([])
  })

  test('leaves nothing to be done: no run, mail or webhook waits', () => {
    const { db } = small.services
    const open = inArray(tables.runs.status, ['queued', 'running', 'waiting', 'failed'])
    expect(db.read.select().from(tables.runs).where(open).all()).toEqual([])
    expect(db.read.select().from(tables.outbox).where(eq(tables.outbox.status, 'queued')).all()).toEqual([])
    expect(small.clouds.stripe.undelivered()).toBe(0)
    expect(small.complaints).toEqual([])
  })

  describe('left the rows that a tenant leaves who was really provisioned:', () => {
    const shape = (rows: Record<string, unknown>[], ...unequal: string[]) =>
      rows.map((row) =>
        Object.fromEntries(
          Object.entries(row)
            .filter(([column]) => !unequal.includes(column))
            .map(([column, value]) => [column, value === null ? null : typeof value]),
        ),
      )

    test.each(['tenant', 'server', 'dns', 'subscription', 'run', 'plan'] as const)('%s', (part) => {
      const { db } = small.services
      const rows = (tenant: TenantRow) =>
        [tenantStory(db.read, tenant.id)[part]].flat() as Record<string, unknown>[]
      expect(shape(rows(fleet[0]!))).toEqual(shape(rows(ada)))
    })

    test('the steps of its run, with outputs of the same kind', () => {
      const { db } = small.services
      const steps = (tenant: TenantRow) => {
        const { run } = tenantStory(db.read, tenant.id)
        return stepsOf(db.read, run?.id ?? '').map(({ name, title, status, output }) => {
          return [name, title, status, Object.keys(JSON.parse(output ?? '{}')).sort()]
        })
      }
      expect(steps(fleet[0]!)).toEqual(steps(ada))
    })

    test('effects, mails and audit events', () => {
      const { db } = small.services
      const { outbox, auditEvents, effects } = tables
      const left = (tenant: TenantRow) => {
        const subjects = [tenant.id, tenant.signupId ?? '']
        const own = (text: string) =>
          [
            tenant.id,
            tenant.signupId!,
            tenantStory(db.read, tenant.id).run!.id,
            tenant.subdomain,
            serverOf(db.read, tenant.id).id.slice(-6),
          ].reduce((words, name, index) => words.replaceAll(name, `<${index}>`), text)
        const ledger = db.read
          .select()
          .from(effects)
          .where(inArray(effects.subject, subjects))
          .all()
          .map((effect) => [
            ...[effect.provider, effect.verb, effect.step, effect.outcome, own(effect.key)],
            Object.keys(JSON.parse(effect.summary)),
          ])
        const mails = db.read.select().from(outbox).where(inArray(outbox.subject, subjects)).all()
        const events = db.read.select().from(auditEvents).where(inArray(auditEvents.subject, subjects)).all()
        return {
          ledger: ledger.map(String).sort(),
          mails: mails
            .map(({ kind, status, idempotencyKey }) => [kind, status, own(idempotencyKey)].join(' '))
            .sort(),
          events: events.map(({ action, detail }) => `${action} ${Object.keys(JSON.parse(detail))}`).sort(),
        }
      }
      expect(left(fleet[0]!)).toEqual(left(ada))
    })
  })
})

describe('the people of a fleet', () => {
  const all = [...people()]

  test('are enough for the largest, no two alike, each with a name that Atlas takes', () => {
    expect(new Set(all.map(({ subdomain }) => skeletonOf(subdomain))).size).toBeGreaterThan(10_500)
    expect(new Set(all.map(({ email }) => email)).size).toBe(PEOPLE_MAX)
    const refused = all.slice(0, 500).filter(({ subdomain }) => !judgeForm(subdomain).ok)
    expect(refused).toEqual([])
  })

  test('stand in the same line every time, and not in the order of their names', () => {
    expect([...people()].slice(0, 50)).toEqual(all.slice(0, 50))
    const names = all.slice(0, 50).map(({ subdomain }) => subdomain)
    expect(names).not.toEqual(names.toSorted())
    expect(new Set(names.map((name) => name.split('-')[0])).size).toBeGreaterThan(25)
  })
})
