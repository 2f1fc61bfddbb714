import { and, eq, inArray, isNull, ne, sql } from 'drizzle-orm'
import type { Reader } from '../db/open'
import { prepared, reading } from '../db/prepared'
import { effects, outbox, runs, servers, tenants } from '../db/schema'
import { lostPayments, strayCheckouts } from './checkouts'
import { lostBackups, lostCopies, lostNotes } from './data'
import { currentServer, customerOf, type End, liveTenants } from './end'
import { isLive } from './holdings'
import { strangeHostKeys, strangeSecrets } from './keys'
import { orphans, recordName } from './orphans'

export type Invariant = {
  /** What always holds, in plain words. */
  always: string
  /** Whatever is otherwise, a sentence each. */
  broken(end: End): string[]
}

const everyTenant = prepared((db) => db.select().from(tenants).prepare())
const unsentMails = prepared((db) => {
  const isOpen = and(ne(outbox.status, 'sent'), isNull(outbox.dismissedAt))
  return db.select().from(outbox).where(isOpen).prepare()
})
const undoneMoves = prepared((db) => {
  const isOne = and(eq(runs.kind, 'move'), eq(runs.status, 'cancelled'))
  return db.select().from(runs).where(isOne).prepare()
})
const unfinishedRuns = prepared((db) => {
  const isOne = inArray(runs.status, ['queued', 'running', 'waiting', 'failed'])
  return db.select().from(runs).where(isOne?.inlineParams()).prepare()
})
const intendedEffects = prepared((db) =>
  db.select().from(effects).where(eq(effects.outcome, 'intended').inlineParams()).prepare(),
)
const runsOf = prepared((db) =>
  db
    .select()
    .from(runs)
    .where(eq(runs.tenantId, sql.placeholder('tenantId')))
    .prepare(),
)
const serverById = reading(servers, 'id')

/** What must be true of every story, whatever failed in it and wherever Atlas died. */
export const INVARIANTS: readonly Invariant[] = [
  {
    always: 'A live tenant has exactly one server, the one that Atlas knows as its own.',
    broken: ({ db, holds }) =>
      liveTenants(db).flatMap((tenant) => {
        const theirs = holds.servers.filter(({ labels }) => labels.tenant === tenant.id)
        const known = currentServer(db, tenant)?.externalId
        if (theirs.length === 1 && theirs[0]?.id === known) return []
        return [`${tenant.subdomain} (${tenant.status}) has ${theirs.length} servers`]
      }),
  },
  {
    always: 'A live tenant has exactly one A record, which points to its server.',
    broken: ({ db, holds }) =>
      liveTenants(db).flatMap((tenant) => {
        const theirs = holds.records.filter(({ name, type }) => type === 'A' && name === recordName(tenant))
        const address = currentServer(db, tenant)?.ipv4
        if (theirs.length === 1 && theirs[0]?.values.join() === address) return []
        return [`${tenant.subdomain} (${tenant.status}) has ${theirs.length} records, its server ${address}`]
      }),
  },
  {
    always: 'No tenant has two subscriptions.',
    broken: ({ db, holds }) =>
      liveTenants(db).flatMap((tenant) => {
        const customer = customerOf(db, tenant)
        const live = holds.subscriptions.filter((one) => one.customer === customer && isLive(one))
        return live.length <= 1 ? [] : [`${tenant.subdomain} has ${live.length} subscriptions`]
      }),
  },
  {
    always: 'A tenant pays the price of the plan that it has.',
    broken: ({ db, holds, priceOf }) =>
      liveTenants(db).flatMap((tenant) => {
        const customer = customerOf(db, tenant)
        const live = holds.subscriptions.filter((one) => one.customer === customer && isLive(one))
        const prices = live.flatMap(({ items }) => items.data.map(({ price }) => price.id))
        const others = prices.filter((price) => price !== priceOf(tenant.planId))
        return others.map((price) => `${tenant.subdomain} has ${tenant.planId} and pays ${price}`)
      }),
  },
  {
    always: 'Whoever has paid is known to have paid, and so is their payment.',
    broken: lostPayments,
  },
  {
    always:
      'A checkout that can still be paid is that of a signup which waits for it, at the price of its plan.',
    broken: strayCheckouts,
  },
  {
    always: 'The app of an active tenant runs, that of a suspended one stands still.',
    broken: ({ db, holds }) =>
      liveTenants(db).flatMap((tenant) => {
        const { externalId } = currentServer(db, tenant) ?? {}
        const app = holds.apps.find(({ serverId }) => serverId === externalId)?.app.state
        const isRight = app === (tenant.status === 'active' ? 'running' : 'stopped')
        return isRight ? [] : [`the app of ${tenant.subdomain} (${tenant.status}) is ${app}`]
      }),
  },
  {
    always: 'Every tenant that went live was welcomed with exactly one accepted mail; nobody else was.',
    broken: ({ db, holds, wentLive }) => {
      const welcomes = holds.mails.filter(({ subject }) => subject.includes('is live'))
      return everyTenant(db)
        .all()
        .flatMap((tenant) => {
          const theirs = welcomes.filter(({ idempotencyKey }) =>
            idempotencyKey?.startsWith(`welcome-${tenant.id}`),
          )
          const wanted = tenant.activatedAt === null ? 0 : 1
          const isForgotten = wanted === 0 && wentLive.has(tenant.id)
          return theirs.length === wanted || (isForgotten && theirs.length === 1)
            ? []
            : [`${tenant.subdomain} (${tenant.status}) got ${theirs.length} welcome mails`]
        })
    },
  },
  {
    always: 'No mail is sent twice, and none is left over.',
    broken: ({ db, holds }) => {
      const keys = holds.mails.map(({ idempotencyKey }) => idempotencyKey)
      const twice = keys.filter((key, index) => key !== undefined && keys.indexOf(key) !== index)
      const unsent = unsentMails(db).all()
      return [
        ...twice.map((key) => `a mail was sent twice: ${key}`),
        ...unsent.map(({ kind, status, reason }) => `a mail (${kind}) is ${status}: ${reason}`),
      ]
    },
  },
  {
    always:
      'Nothing in the clouds is nobody’s: no server, address, image, volume, record, subscription, backup.',
    broken: orphans,
  },
  {
    always:
      'A name never points to an address that is not ours, and caches have forgotten it before it is given back.',
    broken: ({ seen }) => seen.filter((one) => one.startsWith('dangling')),
  },
  {
    always:
      'Atlas knows the host key of every live tenant’s server, and has forgotten the one it began with.',
    broken: strangeHostKeys,
  },
  {
    always: 'The secrets of a live tenant are those that its server has, and none is half changed.',
    broken: strangeSecrets,
  },
  {
    always: 'A move that was taken back leaves the tenant on the server that it had.',
    broken: ({ db }) => {
      return undoneMoves(db)
        .all()
        .map(({ input }) => (JSON.parse(input) as { serverId: string }).serverId)
        .filter((id) => serverById(db, { id })?.role === 'current')
        .map((id) => `the new server ${id} is the tenant’s own`)
    },
  },
  {
    always: 'All servers share one firewall.',
    broken: ({ holds }) => holds.firewalls.slice(1).map(({ name }) => `there is also the firewall ${name}`),
  },
  {
    always: 'Nobody pays for nothing and nothing runs unpaid for more than an hour.',
    broken: ({ seen }) => seen.filter((one) => one.startsWith('payer')),
  },
  {
    always:
      'What a customer wrote is still there; where a person had a backup put in its place, exactly what that held.',
    broken: lostNotes,
  },
  {
    always: 'Every backup that is kept is there until its time is over.',
    broken: lostBackups,
  },
  {
    always:
      'The last copy of a deleted tenant holds all that was theirs, and is there until its time is over.',
    broken: lostCopies,
  },
  {
    always: 'Every run comes to an end within 24 hours, the cool-off of a deletion not counted.',
    broken: ({ db, seen }) => [
      ...unfinishedRuns(db)
        .all()
        .filter((run) => run.status !== 'failed' || isLatest(db, run))
        .map(({ kind, status, step, reason }) => `the run ${kind} is ${status} at ${step}: ${reason}`),
      ...seen.filter((one) => one.startsWith('slow')),
    ],
  },
  {
    always: 'Every effect in the ledger has an outcome.',
    broken: ({ db }) =>
      intendedEffects(db)
        .all()
        .map(({ provider, verb }) => `${provider} ${verb} is still intended`),
  },
  {
    always: 'No command ran twice on a machine.',
    broken: ({ seen, holds }) => [
      ...holds.machines.flatMap(({ commands }) => ranTwice(commands)),
      ...seen.filter((one) => one.startsWith('command')),
    ],
  },
  {
    always: 'What Atlas said yes to is still there.',
    broken: ({ seen }) => seen.filter((one) => one.startsWith('forgotten')),
  },
  {
    always: 'Of two people who press at once, one wins and the other is told that it conflicts.',
    broken: ({ seen }) => seen.filter((one) => one.startsWith('both')),
  },
  {
    always: 'Nothing happens in Atlas that it did not foresee.',
    broken: ({ seen, complaints }) => [
      ...complaints.filter(isUnforeseen).map((line) => `Atlas logged: ${line.slice(0, 900)}`),
      ...seen.filter((one) => one.startsWith('unforeseen')),
    ],
  },
]

/** Everything that is wrong at the end of a story. */
export function violations(end: End): string[] {
  return INVARIANTS.flatMap(({ always, broken }) => broken(end).map((what) => `${always} But: ${what}`))
}

function isLatest(db: Reader, { tenantId, createdAt }: typeof runs.$inferSelect): boolean {
  return runsOf(db)
    .all({ tenantId })
    .every((run) => run.createdAt <= createdAt)
}

/** The same part of the same run, done to its end more than once. */
export function ranTwice(commands: { id: string; end: object | null }[]): string[] {
  const done = commands
    .filter(({ end }) => end !== null && 'result' in end)
    .map(({ id }) => id.replace(/-\d+$/, ''))
  return done.filter((id, index) => done.indexOf(id) !== index).map((id) => `command ${id} ran twice`)
}

/** Errors that tell of a mistake in Atlas, not of the weather. */
function isUnforeseen(line: string): boolean {
  return (
    /"code":"internal"|"stack"/.test(line) && !/"code":"(unavailable|conflict|invalid|not_found)"/.test(line)
  )
}
