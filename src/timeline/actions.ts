import { and, desc, eq, sql } from 'drizzle-orm'
import { ATLAS } from '../audit'
import { apiTokens, auditEvents, users } from '../db/schema'
import { entry, factsInWords, inWords } from './entry'
import { behind, LIMIT, SUBJECT, sourceOf } from './source'

/** The run that an event speaks of, while it is kept. */
const RUN_ID = sql<
  string | null
>`(SELECT id FROM runs WHERE id = json_extract(${auditEvents.detail}, '$.run'))`

/** What people did, with who and from where; what Atlas itself noted is a decision. */
export const readActions = sourceOf(
  (db) =>
    db
      .select({ event: auditEvents, email: users.email, token: apiTokens.name, runId: RUN_ID })
      .from(auditEvents)
      .leftJoin(users, eq(users.id, auditEvents.actor))
      .leftJoin(apiTokens, eq(apiTokens.id, auditEvents.actor))
      .where(and(eq(auditEvents.subject, SUBJECT), behind(auditEvents.at, auditEvents.id)))
      .orderBy(desc(auditEvents.at), desc(auditEvents.id))
      .limit(LIMIT)
      .prepare(),
  ({ event, email, token, runId }) => {
    const isAtlas = event.actor === ATLAS.id
    return entry(isAtlas ? 'decision' : 'action', {
      id: event.id,
      at: event.at,
      title: inWords(event.action),
      detail: factsInWords(event.detail),
      link: runId && `/admin/runs/${runId}`,
      severity: /\.(failed|refused|overdue)$/.test(event.action) ? 'bad' : 'info',
      actor: isAtlas ? null : (email ?? (token && `token ${token}`) ?? event.actor),
      ip: event.ip,
    })
  },
)
