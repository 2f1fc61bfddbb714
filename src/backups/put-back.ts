import { eq } from 'drizzle-orm'
import { servers } from '../db/schema'
import { conflict } from '../errors'
import { callAgent } from '../provisioning/agent'
import { follow } from '../provisioning/cloud-action'
import { expectHostKey, letIn } from '../provisioning/host-key'
import { done, type StepContext, type StepResult } from '../runs/recipe'
import type { Services } from '../services'
import { getServer, type ServerRow } from '../tenants/tenant'
import { addressFor } from './address'
import type { BackupRow } from './backup'
import { contentsOf, TRANSFER_TIMEOUT_MS } from './copy'
import { identityOf } from './key'

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
  const { registry } = services.settings
  const input = {
    download_url: url,
    identity: identityOf(services, backup.tenantId),
    sha256: backup.sha256,
    restores: dumps.map(({ name, service, restore }) => ({ name, service, command: restore })),
    volumes,
    // A new server does not have the images yet of the services that take the data.
    ...(registry ? { registry } : {}),
  }
  const summary = { backup: backup.id, dumps: dumps.length, volumes: volumes.length }
  const options = { timeoutMs: TRANSFER_TIMEOUT_MS, onLog: context.log }
  await callAgent(services, context, { verb: 'restore', attempt, input, summary, server }, options)
  return done({ backupId: backup.id })
}

/** Puts an image in place of the disk of the server that it was made of, and waits until the server is back. */
async function putDiskBack(
  services: Services,
  context: StepContext,
  { imageId, hostKey }: BackupRow,
  { id, externalId, name, ipv4, hostKey: presentKey }: ServerRow,
): Promise<StepResult> {
  if (!externalId || !imageId) throw conflict('There is no server to put the image on.')
  // The host key comes with the disk: from now on the server may show the one that it had then.
  const nextHostKey = hostKey && hostKey !== presentKey ? hostKey : null
  const waiting = await follow(services, context, {
    verb: 'rebuildServer',
    key: externalId,
    summary: { name, image: imageId },
    words: 'put the image back',
    start: async () => {
      if (nextHostKey) expectHostKey(context, id, nextHostKey)
      const started = await services.cloud.rebuildServer(externalId, imageId)
      services.machines.close(ipv4 ?? undefined)
      return started
    },
  })
  return waiting ?? awaitServer(services, context, id)
}

/** Waits until the server lets Atlas in again; the host key that it then shows is its host key. */
async function awaitServer(services: Services, context: StepContext, serverId: string): Promise<StepResult> {
  const result = await letIn(services, context, getServer(context.db.read, serverId))
  if (result.kind === 'wait') return result
  const hostKey = String(result.output.hostKey)
  return done({}, (tx) =>
    tx.update(servers).set({ hostKey, nextHostKey: null }).where(eq(servers.id, serverId)).run(),
  )
}
