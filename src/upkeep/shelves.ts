import { type SQL, sql } from 'drizzle-orm'
import { FAILED_MAIL_KEPT_MS, ROUTINE_KEPT_MS, STORY_KEPT_MS } from './kept'

/** Rows of one sort that are kept for a time. In its conditions a row of it is called `it`. */
export type Shelf = {
  /** For the log. */
  name: string
  table: SQL
  key: SQL
  /** What stands before the key where that leads to no row by itself. */
  within?: SQL
  /** The moment from which its time counts, in UTC milliseconds. */
  at: SQL
  /** What leads along it, whatever SQLite thinks of how the table is filled. */
  index: SQL
  keptMs: number
  /** Which rows may be forgotten at all, in the words of that index. */
  where: SQL
  /** For whose sake a row stays when its time is over. */
  unless?: SQL
  /** The run that is forgotten with it. */
  run?: SQL
}

/** A tenant's run that has not ended well, or this one, while no later run has taken its place (see latestRun). */
const speaksFor = (runId: SQL) => sql`EXISTS (
  SELECT 1 FROM (SELECT id, status FROM runs WHERE tenant_id = it.tenant_id
    AND (kind <> 'delete' OR status <> 'cancelled') ORDER BY created_at DESC LIMIT 1) AS latest
  WHERE latest.status NOT IN ('succeeded', 'cancelled') OR latest.id = ${runId})`

/** Whether the answer to a call of a run is still out. */
const awaitsAnswer = (runId: SQL) =>
  sql`EXISTS (SELECT 1 FROM effects WHERE run_id = ${runId} AND outcome = 'intended')`

/** A call whose outcome is unknown stays, until the same call went well later: nobody can say yet whether it was made. */
const UNVERIFIED = sql`it.outcome = 'intended' OR (it.outcome = 'unknown' AND NOT EXISTS (
  SELECT 1 FROM effects AS later WHERE later.subject = it.subject AND later.requested_at > it.requested_at
    AND later.verb = it.verb AND later.key = it.key AND later.outcome = 'done'))`

/** Everything that is forgotten in time. What stands in no shelf stays for ever. */
export const SHELVES: readonly Shelf[] = [
  {
    name: 'removed backups',
    table: sql`backups`,
    key: sql`id`,
    at: sql`removed_at`,
    index: sql`backups_by_removal`,
    keptMs: ROUTINE_KEPT_MS,
    where: sql`status = 'removed'`,
    unless: sql`${speaksFor(sql`it.run_id`)} OR ${awaitsAnswer(sql`it.run_id`)} OR EXISTS (
      SELECT 1 FROM findings WHERE tenant_id = it.tenant_id AND status <> 'resolved'
        AND external_id IN (it.object_key, it.image_id))`,
    // Other kinds of runs make backups on their way, and are a part of a tenant's story.
    run: sql`(SELECT id FROM runs WHERE id = it.run_id AND kind = 'backup'
      AND NOT EXISTS (SELECT 1 FROM backups AS other WHERE other.run_id = runs.id AND other.id <> it.id))`,
  },
  {
    name: 'deploys',
    table: sql`runs`,
    key: sql`id`,
    at: sql`created_at`,
    index: sql`runs_by_kind`,
    keptMs: STORY_KEPT_MS,
    // What failed says what may not be tried again by itself.
    where: sql`kind = 'deploy' AND status IN ('succeeded', 'cancelled')`,
    unless: sql`${speaksFor(sql`it.id`)} OR ${awaitsAnswer(sql`it.id`)}
      OR EXISTS (SELECT 1 FROM backups WHERE run_id = it.id)
      OR EXISTS (SELECT 1 FROM rollout_targets JOIN rollouts ON rollouts.id = rollout_id
        WHERE run_id = it.id AND finished_at IS NULL)`,
    run: sql`it.id`,
  },
  {
    name: 'calls without a run',
    table: sql`effects`,
    key: sql`id`,
    at: sql`requested_at`,
    index: sql`effects_by_run`,
    keptMs: ROUTINE_KEPT_MS,
    where: sql`run_id IS NULL`,
    unless: UNVERIFIED,
  },
  {
    name: 'events',
    table: sql`inbox`,
    key: sql`event_id`,
    within: sql`source IN ('stripe', 'github') AND `,
    at: sql`received_at`,
    index: sql`inbox_settled`,
    keptMs: STORY_KEPT_MS,
    // GitHub signs no time: only the push itself, remembered, keeps a copy of it from being rolled out again.
    where: sql`status IN ('processed', 'ignored') AND type <> 'push'`,
  },
  {
    name: 'sent mails',
    table: sql`outbox`,
    key: sql`id`,
    at: sql`sent_at`,
    index: sql`outbox_sent`,
    keptMs: STORY_KEPT_MS,
    where: sql`status = 'sent'`,
    // The one mail of a spell without payment, while that lasts.
    unless: sql`it.kind = 'unpaid-notice' AND EXISTS (
      SELECT 1 FROM subscriptions WHERE organization_id = it.subject AND unpaid_since IS NOT NULL)`,
  },
  {
    name: 'failed mails',
    table: sql`outbox`,
    key: sql`id`,
    at: sql`created_at`,
    index: sql`outbox_failed`,
    keptMs: FAILED_MAIL_KEPT_MS,
    where: sql`status = 'failed'`,
  },
  {
    name: 'resolved findings',
    table: sql`findings`,
    key: sql`id`,
    at: sql`resolved_at`,
    index: sql`findings_resolved`,
    keptMs: STORY_KEPT_MS,
    where: sql`status = 'resolved'`,
  },
  {
    name: 'looks at the clouds',
    table: sql`reconciliations`,
    key: sql`id`,
    at: sql`started_at`,
    index: sql`reconciliations_by_time`,
    keptMs: ROUTINE_KEPT_MS,
    where: sql`status <> 'running'`,
    // The next look goes by what the last complete one could not list.
    unless: sql`it.id = (SELECT id FROM reconciliations WHERE status = 'complete' ORDER BY started_at DESC LIMIT 1)`,
  },
  {
    name: 'incidents',
    table: sql`incidents`,
    key: sql`id`,
    at: sql`ended_at`,
    index: sql`incidents_ended`,
    keptMs: STORY_KEPT_MS,
    where: sql`ended_at IS NOT NULL`,
    unless: sql`it.outage IS NOT NULL AND EXISTS (
      SELECT 1 FROM incidents AS open WHERE open.outage = it.outage AND open.ended_at IS NULL)`,
  },
  {
    name: 'expired signups',
    table: sql`signups`,
    key: sql`id`,
    at: sql`created_at`,
    index: sql`signups_by_status`,
    keptMs: STORY_KEPT_MS,
    where: sql`status = 'expired'`,
    unless: sql`EXISTS (SELECT 1 FROM tenants WHERE signup_id = it.id) OR EXISTS (
      SELECT 1 FROM findings WHERE status IN ('open', 'ignored') AND external_id IN (it.id, it.checkout_id))`,
  },
]
