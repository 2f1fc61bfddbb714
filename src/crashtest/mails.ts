import { and, isNull, ne } from 'drizzle-orm'
import { prepared } from '../db/prepared'
import { outbox, tenants } from '../db/schema'
import type { End } from './end'

const everyTenant = prepared((db) => db.select().from(tenants).prepare())
const unsentMails = prepared((db) => {
  const isOpen = and(ne(outbox.status, 'sent'), isNull(outbox.dismissedAt))
  return db.select().from(outbox).where(isOpen).prepare()
})

/** Tenants that went live and were not welcomed once, or were welcomed and did not, in words. */
export function strangeWelcomes({ db, holds, wentLive }: End): string[] {
  const welcomes = holds.mails.filter(({ subject }) => subject.includes('is live'))
  const every = everyTenant(db).all()
  return every.flatMap(({ id, subdomain, status, activatedAt }) => {
    const theirs = welcomes.filter(({ idempotencyKey }) => idempotencyKey?.startsWith(`welcome-${id}`))
    const wanted = activatedAt === null ? 0 : 1
    const isForgotten = wanted === 0 && wentLive.has(id)
    if (theirs.length === wanted || (isForgotten && theirs.length === 1)) return []
    return [`${subdomain} (${status}) got ${theirs.length} welcome mails`]
  })
}

/** Mails that were sent twice, and those that still wait or have failed, in words. */
export function strayMails({ db, holds }: End): string[] {
  const keys = holds.mails.map(({ idempotencyKey }) => idempotencyKey)
  const twice = keys.filter((key, index) => key !== undefined && keys.indexOf(key) !== index)
  const unsent = unsentMails(db).all()
  return [
    ...twice.map((key) => `a mail was sent twice: ${key}`),
    ...unsent.map(({ kind, status, reason }) => `a mail (${kind}) is ${status}: ${reason}`),
  ]
}
