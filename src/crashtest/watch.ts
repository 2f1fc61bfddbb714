import { and, desc, eq, inArray } from 'drizzle-orm'
import type { Db } from '../db/open'
import { prepared } from '../db/prepared'
import { organizations, runs, signups, tenants } from '../db/schema'
import type { PrimaryIpRow } from '../simulator/hetzner/addresses'
import type { ServerRow } from '../simulator/hetzner/project'
import type { Machine } from '../simulator/machines/machine'
import type { RecordSet } from '../simulator/route53/zone'
import type { Clouds } from '../simulator/simulator'
import type { Subscription } from '../simulator/stripe/billing'
import { isLive } from './holdings'
import { ranTwice } from './runs'

const HOUR_MS = 3_600_000
const RUN_MAX_MS = 24 * HOUR_MS
/** What Atlas may take to notice and to act, beyond the hour that it is given. */
const SLACK_MS = 15 * 60_000
const TTL_MS = 60_000
const LOOK_MS = 5 * 60_000

const everyTenant = prepared((db) => db.select().from(tenants).prepare())
const everyOrganization = prepared((db) => db.select().from(organizations).prepare())

const endedRuns = prepared((db) => {
  const hasEnded = inArray(runs.status, ['succeeded', 'cancelled', 'failed'])
  return db.select().from(runs).where(hasEnded).prepare()
})

/** Looks on while a story is told: for what may be wrong for a while and right again at its end. */
export class Watch {
  /** Everything that was wrong, a sentence each, told once. */
  readonly seen: string[] = []
  /** When the name servers last gave an address to somebody. */
  private readonly answered = new Map<string, number>()
  private readonly held = new Set<string>()
  private readonly unpaidSince = new Map<string, number>()
  private looked = ''
  private moneyAt = 0

  constructor(
    private readonly db: Db,
    private readonly clouds: Clouds,
  ) {}

  /** Whether something is wrong that may be wrong for a while. */
  get isUneasy(): boolean {
    return this.unpaidSince.size > 0
  }

  tell(what: string): void {
    if (!this.seen.includes(what)) this.seen.push(what)
  }

  /** At every exchange with the clouds and every step of time: whether names point to what is ours. */
  look(): void {
    const { world, route53 } = this.clouds
    const nowMs = world.now()
    const addresses = world.table<PrimaryIpRow>('hetzner_primary_ip')
    const records = world.table<RecordSet & { id: string }>('route53_record_set')
    const answers = world.table('route53_answers')
    const looked = [nowMs, addresses.version, records.version, answers.version].join()
    if (looked === this.looked) return
    this.looked = looked
    const ours = new Set(addresses.all().map(({ ip }) => ip))
    for (const { name, type, values } of records.all()) {
      if (type !== 'A') continue
      for (const ip of values)
        if (!ours.has(ip)) this.tell(`dangling: ${name} points to ${ip}, which is not ours`)
    }
    for (const ip of this.held) {
      if (ours.has(ip)) continue
      this.held.delete(ip)
      const at = this.answered.get(ip)
      if (at !== undefined && nowMs - at < TTL_MS)
        this.tell(`dangling: ${ip} was given back while caches had it`)
    }
    // Name servers go on answering for a while with a record that is gone.
    for (const { id } of answers.all()) {
      const [name = '', type] = id.split(' ')
      const ip = type === 'A' ? route53.resolve(name.slice(0, -1)) : undefined
      if (ip) this.answered.set(ip, nowMs)
    }
    for (const ip of ours) this.held.add(ip)
  }

  /** Before a server goes: what its agent did is on its disk. */
  lookAtMachine(serverId: string): void {
    const machine = this.clouds.world.table<Machine>('machines').get(serverId)
    for (const what of ranTwice(machine?.commands ?? [])) this.tell(what)
  }

  /** Now and then: whoever pays has something, and whatever runs is paid for. */
  lookAtMoney(): void {
    const nowMs = this.clouds.world.now()
    if (nowMs < this.moneyAt) return
    this.moneyAt = nowMs + LOOK_MS
    for (const { id, what } of this.mismatches()) {
      const since = this.unpaidSince.get(id) ?? nowMs
      this.unpaidSince.set(id, since)
      if (nowMs - since > HOUR_MS + SLACK_MS) this.tell(`payer: ${what} for more than an hour`)
    }
  }

  private mismatches(): { id: string; what: string }[] {
    const { world } = this.clouds
    const subscriptions = world.table<Subscription>('stripe_subscriptions').all().filter(isLive)
    const servers = world.table<ServerRow>('hetzner_server').all()
    const all = everyTenant(this.db.read).all()
    const customers = new Map(
      everyOrganization(this.db.read)
        .all()
        .map(({ id, stripeCustomerId }) => [id, stripeCustomerId]),
    )
    const paying = new Set(subscriptions.map(({ customer }) => customer))
    const found = all
      .filter(
        ({ status, organizationId }) =>
          status === 'active' && !paying.has(customers.get(organizationId) ?? ''),
      )
      .filter(({ id }) => servers.some(({ labels }) => labels.tenant === id) && !this.isLeftToPeople(id))
      .map(({ id, subdomain }) => ({ id, what: `${subdomain} was active without a subscription` }))
    const ended = all.filter(({ status }) => status === 'deleted')
    for (const { id, subdomain, organizationId } of ended) {
      const pays = subscriptions.some(({ customer }) => customer === customers.get(organizationId))
      const others = all.some((one) => one.organizationId === organizationId && one.status !== 'deleted')
      if (pays && !others && !this.waitsForApproval(organizationId))
        found.push({ id, what: `${subdomain} was deleted and its subscription went on` })
    }
    for (const id of this.unpaidSince.keys())
      if (!found.some((one) => one.id === id)) this.unpaidSince.delete(id)
    return found
  }

  /** Whether a person has called a suspension off, or has been told that a run has failed. */
  private isLeftToPeople(tenantId: string): boolean {
    const mine = eq(runs.tenantId, tenantId)
    const calledOff = and(mine, eq(runs.kind, 'suspend'), eq(runs.status, 'cancelled'))
    const latest = this.db.read.select().from(runs).where(mine).orderBy(desc(runs.createdAt)).limit(1).get()
    return (
      latest?.status === 'failed' || this.db.read.select().from(runs).where(calledOff).get() !== undefined
    )
  }

  /** A provisioning that was undone leaves a paid signup, which can be approved again. */
  private waitsForApproval(organizationId: string): boolean {
    const mine = and(eq(signups.organizationId, organizationId), eq(signups.status, 'paid'))
    return this.db.read.select().from(signups).where(mine).get() !== undefined
  }

  /** At the end: how long every run took since a person last pressed something about it. */
  lookAtRuns(): void {
    const pressed = new Map(this.presses().map(({ run, at }) => [run, at]))
    for (const { id, kind, createdAt, finishedAt } of endedRuns(this.db.read).all()) {
      const tookMs = (finishedAt ?? 0) - Math.max(createdAt, pressed.get(id) ?? 0)
      if (tookMs > RUN_MAX_MS && kind !== 'delete')
        this.tell(`slow: a run (${kind}) took ${Math.round(tookMs / HOUR_MS)} hours`)
    }
  }

  private presses(): { run: string; at: number }[] {
    return this.db.sqlite
      .query<{ run: string; at: number }, []>(
        `SELECT json_extract(detail, '$.run') AS run, max(at) AS at FROM audit_events
         WHERE action IN ('run.retried', 'run.undone', 'run.cancelled') GROUP BY 1`,
      )
      .all()
  }
}
