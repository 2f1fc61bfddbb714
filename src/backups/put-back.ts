import { and, desc, eq, gte } from 'drizzle-orm'
import { effects, servers } from '../db/schema'
import { AtlasError, conflict } from '../errors'
import { askAgent, callAgent } from '../provisioning/agent'
import { pauseMs } from '../provisioning/pause'
import { done, type StepContext, type StepResult, wait } from '../runs/recipe'
import type { Services } from '../services'
import { getServer, type ServerRow } from '../tenants/tenant'
import { addressFor } from './address'
import type { BackupRow } from './backup'
import { contentsOf, TRANSFER_TIMEOUT_MS } from './copy'
import { identityOf } from './key'

const BOOT_TIMEOUT_MS = 600_000
// As after the first boot: each try is a whole login, and tries become rare.
const LOGIN_PAUSE = { share: 0.15, min: 1_500, max: 30_000 }

/** Puts a backup in place of what a server has now. An image comes with a system that boots and starts what it ran. */
export function putBack(
  services: Services,
  context: StepContext,
  backup: BackupRow,
  server: ServerRow,
): Promise<StepResult> {
  return backup.method === 'app'
    ? putDataBack(services, context, backup, server)
    : putDiskBack(services, context, backup, server)
}

/**
 * Puts a backup's data in place of what a server has, and leaves the app stopped. A backup that is not the one it was
 * is refused by the server before anything is changed there.
 */
async function putDataBack(
  services: Services,
  context: StepContext,
  backup: BackupRow,
  server: ServerRow,
): Promise<StepResult> {
  const { dumps, volumes } = contentsOf(services, context)
  const { url, attempt } = await addressFor(services, context, 'download', backup.objectKey ?? '')
  const input = {
    download_url: url,
    identity: identityOf(services, backup.tenantId),
    sha256: backup.sha256,
    restores: dumps.map(({ name, service, restore }) => ({ name, service, command: restore })),
    volumes,
  }
  const summary = { backup: backup.id, dumps: dumps.length, volumes: volumes.length }
  const options = { timeoutMs: TRANSFER_TIMEOUT_MS, onLog: context.log }
  await callAgent(services, context, { verb: 'restore', attempt, input, summary, server }, options)
  return done({ backupId: backup.id })
}

/**
 * Puts an image in place of the disk of the server that it was made of, and waits until the server is back. Which
 * action does it stands in the ledger: nothing about a server tells that it was rebuilt.
 */
async function putDiskBack(
  services: Services,
  context: StepContext,
  image: BackupRow,
  server: ServerRow,
): Promise<StepResult> {
  const actionId = begunRebuild(context) ?? (await rebuild(services, context, image, server))
  const [action] = await services.cloud.getActions([actionId])
  const waitedMs = context.now() - context.startedAt
  if (action?.status === 'error') {
    throw conflict(`Hetzner could not put the image back (${action.error?.code ?? action.command}). Retry.`)
  }
  if (action?.status === 'running') {
    return wait(pauseMs(waitedMs), `Hetzner is putting the image back: ${action.progress} %.`)
  }
  return awaitServer(services, context, server.id, waitedMs)
}

function begunRebuild({ db, run, step, startedAt }: StepContext): string | null {
  const mine = and(eq(effects.runId, run.id), eq(effects.step, step), eq(effects.verb, 'rebuildServer'))
  const begun = db.read
    .select({ actionId: effects.externalId })
    .from(effects)
    .where(and(mine, eq(effects.outcome, 'done'), gte(effects.requestedAt, startedAt)))
    .orderBy(desc(effects.requestedAt))
    .limit(1)
    .get()
  return begun?.actionId ?? null
}

async function rebuild(
  { cloud, machines }: Services,
  { db, effect }: StepContext,
  { imageId, hostKey }: BackupRow,
  server: ServerRow,
): Promise<string> {
  const { externalId, name } = server
  if (!externalId || !imageId) throw conflict('There is no server to put the image on.')
  // The host key comes with the disk: from now on the server may show the one that it had then.
  const nextHostKey = hostKey && hostKey !== server.hostKey ? hostKey : null
  if (nextHostKey) {
    db.write((tx) => tx.update(servers).set({ nextHostKey }).where(eq(servers.id, server.id)).run())
  }
  const { actionId } = await effect(
    { provider: 'hetzner', verb: 'rebuildServer', key: externalId, summary: { name, image: imageId } },
    () => cloud.rebuildServer(externalId, imageId),
    (reply) => reply.actionId,
  )
  machines.close(server.ipv4 ?? undefined)
  return actionId
}

/** Waits until the server lets Atlas in again; the host key that it then shows is its host key. */
async function awaitServer(
  services: Services,
  { db, run }: StepContext,
  serverId: string,
  waitedMs: number,
): Promise<StepResult> {
  const again = (why: string) => {
    if (waitedMs < BOOT_TIMEOUT_MS) return wait(pauseMs(waitedMs, LOGIN_PAUSE), why)
    throw conflict(
      `The server was not back after 10 minutes. ${why} Look at its console at Hetzner, then retry.`,
    )
  }
  try {
    const command = { verb: 'status' as const, commandId: `${run.id}-status`, input: {} }
    const { result, hostKey } = await askAgent(services, getServer(db.read, serverId), command)
    if (result.ready !== true) return again('The server answers; its boot is not complete yet.')
    return done({}, (tx) =>
      tx.update(servers).set({ hostKey, nextHostKey: null }).where(eq(servers.id, serverId)).run(),
    )
  } catch (thrown) {
    if (!(thrown instanceof AtlasError) || thrown.code !== 'unavailable') throw thrown
    return again(thrown.message)
  }
}
