import { eq } from 'drizzle-orm'
import * as v from 'valibot'
import type { BackupContents } from '../catalog/blueprint'
import { backups } from '../db/schema'
import { AtlasError, conflict } from '../errors'
import type { CloudImage } from '../providers/cloud'
import { callAgent } from '../provisioning/agent'
import { pauseMs } from '../provisioning/pause'
import { done, type StepContext, type StepResult, wait } from '../runs/recipe'
import type { Services } from '../services'
import { getTenant, type ServerRow, serverOf } from '../tenants/tenant'
import { addressFor, storageOf } from './address'
import {
  type BackupMethod,
  type BackupReason,
  type BackupRow,
  beginBackup,
  completeBackup,
  failBackups,
  missingFor,
} from './backup'
import { recipientOf } from './key'

/** A large database takes its time; whoever has waited that long attaches again. */
export const TRANSFER_TIMEOUT_MS = 1_800_000
const BYTES_PER_GB = 1_000_000_000

export type Copying = {
  method: BackupMethod
  reason: BackupReason
  /** Instead of the server that the tenant lives on. */
  server?: ServerRow
}

/**
 * Makes a backup within a step of any recipe, and finds the one that was begun there before. The step's output then
 * has its `backupId`.
 */
export async function copyTenant(
  services: Services,
  context: StepContext,
  { method, reason, server }: Copying,
): Promise<StepResult> {
  const { run, db, now } = context
  const from = server ?? serverOf(db.read, run.tenantId)
  const tenant = getTenant(db.read, run.tenantId)
  const backup = db.write((tx) =>
    beginBackup(tx, services, { tenant, server: from, runId: run.id, method, reason }, now()),
  )
  if (backup.status === 'complete') return done({ backupId: backup.id })
  return method === 'app'
    ? copyApp(services, context, backup, from)
    : copyDisk(services, context, backup, from)
}

/**
 * The same where a backup is wanted and must not hold up the rest: when the server is gone, has not answered for
 * `patienceMs`, or refuses, the step is done all the same. Its output then has no `backupId` and says `why`. With
 * `refusalStops` a refusal is thrown, and only what can't be copied any more is gone without.
 */
export async function copyIfPossible(
  services: Services,
  context: StepContext,
  { patienceMs, refusalStops = false, ...copying }: Copying & { patienceMs: number; refusalStops?: boolean },
): Promise<StepResult> {
  const { run, db } = context
  const server = copying.server ?? serverOf(db.read, run.tenantId)
  const missing = missingFor(services, getTenant(db.read, run.tenantId), server, copying.method)
  if (missing) return withoutBackup(context, missing)
  try {
    return await copyTenant(services, context, copying)
  } catch (thrown) {
    if (!(thrown instanceof AtlasError) || thrown.code === 'internal') throw thrown
    if (refusalStops && thrown.code !== 'unavailable' && thrown.code !== 'not_found') throw thrown
    const waitedMs = context.now() - context.startedAt
    if (thrown.code !== 'unavailable' || waitedMs >= patienceMs) return withoutBackup(context, thrown.message)
    return wait(Math.max(pauseMs(waitedMs), thrown.retryAfterMs ?? 0), thrown.message)
  }
}

function withoutBackup({ run, log }: StepContext, why: string): StepResult {
  log(`No backup was made: ${why}`)
  return done({ backupId: null, why }, (tx, nowMs) => failBackups(tx, run.id, why, nowMs))
}

async function copyApp(
  services: Services,
  context: StepContext,
  backup: BackupRow,
  server: ServerRow,
): Promise<StepResult> {
  const { dumps, volumes } = contentsOf(services, context)
  const objectKey = backup.objectKey ?? ''
  const recipient = await recipientOf(services, backup.tenantId)
  const { url, attempt } = await addressFor(services, context, 'upload', objectKey)
  const input = {
    upload_url: url,
    recipient,
    dumps: dumps.map(({ name, service, dump }) => ({ name, service, command: dump })),
    volumes,
  }
  const summary = { backup: backup.id, dumps: dumps.length, volumes: volumes.length }
  const options = { timeoutMs: TRANSFER_TIMEOUT_MS, onLog: context.log }
  const call = { verb: 'backup' as const, attempt, input, summary, server }
  const { result } = await callAgent(services, context, call, options)
  const copied = readCopied(result)
  await mustBeStored(services, objectKey, copied.sizeBytes)
  return done({ backupId: backup.id, ...copied }, (tx, nowMs) =>
    completeBackup(tx, services, backup, copied, nowMs),
  )
}

/** What the blueprint of the run's tenant says of copying. Throws `conflict` when it says nothing. */
export function contentsOf({ catalog }: Services, { run, db }: StepContext): BackupContents {
  const { backup } = catalog.blueprint(getTenant(db.read, run.tenantId).blueprint)
  if (backup) return backup
  throw conflict('The blueprint does not say what of this app is to be copied.')
}

const Copied = v.object({
  size_bytes: v.pipe(v.number(), v.integer(), v.minValue(1)),
  sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
})

function readCopied(result: Record<string, unknown>) {
  const copied = v.safeParse(Copied, result)
  if (copied.success) return { sizeBytes: copied.output.size_bytes, sha256: copied.output.sha256 }
  throw new AtlasError('internal', 'The server did not say what it has copied.')
}

/** A server may say that it has sent something; it counts when the storage has it whole. */
async function mustBeStored(services: Services, objectKey: string, sizeBytes: number): Promise<void> {
  const stored = await storageOf(services).head(objectKey)
  if (!stored)
    throw conflict('The server says that it has sent the backup, but the storage does not have it.')
  if (stored.sizeBytes === sizeBytes) return
  throw conflict(
    `The storage has ${stored.sizeBytes} bytes of a backup that has ${sizeBytes}. Retry to copy it again.`,
  )
}

async function copyDisk(
  services: Services,
  context: StepContext,
  backup: BackupRow,
  server: ServerRow,
): Promise<StepResult> {
  const image = backup.imageId
    ? await services.cloud.getImage(backup.imageId)
    : await ensureImage(services, context, backup, server)
  if (!image || image.status === 'unavailable') {
    throw conflict('Hetzner could not make the image. Undo, then make a new backup.')
  }
  if (image.status === 'creating') {
    const waitedMs = context.now() - context.startedAt
    return wait(pauseMs(waitedMs), 'Hetzner is copying the disk.')
  }
  const sizeBytes = Math.round((image.sizeGb ?? 0) * BYTES_PER_GB)
  const facts = { imageId: image.id, sizeBytes, hostKey: server.hostKey }
  return done({ backupId: backup.id, imageId: image.id, sizeBytes }, (tx, nowMs) =>
    completeBackup(tx, services, backup, facts, nowMs),
  )
}

/** The id is stored at once, so that every further look is a look and no call that might make another. */
async function ensureImage(
  { cloud, settings }: Services,
  { db, run, effect }: StepContext,
  { id, tenantId, reason }: BackupRow,
  { externalId, name }: ServerRow,
): Promise<CloudImage> {
  if (!externalId) throw conflict('There is no server yet that an image could be of.')
  const spec = {
    description: `${name}, ${reason.replaceAll('_', ' ')}`,
    labels: { atlas: settings.installationId, tenant: tenantId, backup: id, run: run.id },
  }
  const { image } = await effect(
    { provider: 'hetzner', verb: 'ensureImage', key: id, summary: { server: name, backup: id } },
    () => cloud.ensureImage(externalId, spec),
    (reply) => reply.image.id,
  )
  db.write((tx) => tx.update(backups).set({ imageId: image.id }).where(eq(backups.id, id)).run())
  return image
}
