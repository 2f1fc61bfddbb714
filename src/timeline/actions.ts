import { and, desc, eq } from 'drizzle-orm'
import { ATLAS } from '../audit'
import { apiTokens, auditEvents, users } from '../db/schema'
import { entry, factsInWords, inWords } from './entry'
import { behind, LIMIT, SUBJECT, sourceOf } from './source'

/** What people did, with who and from where; what Atlas itself noted is a decision. */
export const readActions = sourceOf(
  (db) =>
    db
      .select({ event: auditEvents, email: users.email, token: apiTokens.name })
      .from(auditEvents)
      .leftJoin(users, eq(users.id, auditEvents.actor))
      .leftJoin(apiTokens, eq(apiTokens.id, auditEvents.actor))
      .where(and(eq(auditEvents.subject, SUBJECT), behind(auditEvents.at, auditEvents.id)))
      .orderBy(desc(auditEvents.at), desc(auditEvents.id))
      .limit(LIMIT)
      .prepare(),
  ({ event, email, token }) => {
    const isAtlas = event.actor === ATLAS.id
    const runId = (JSON.parse(event.detail) as { run?: unknown }).run
    return entry(isAtlas ? 'decision' : 'action', {
      id: event.id,
      at: event.at,
      title: inWords(event.action),
      detail: factsInWords(event.detail),
      link: typeof runId === 'string' ? `/admin/runs/${runId}` : null,
      severity: /\.(failed|refused|overdue)$/.test(event.action) ? 'bad' : 'info',
      actor: isAtlas ? null : (email ?? (token && `token ${token}`) ?? event.actor),
      ip: event.ip,
    })
  },
)
