import { eq } from 'drizzle-orm'
import { servers } from '../db/schema'
import { AtlasError, conflict } from '../errors'
import type { AgentCommand, AgentReply } from '../providers/machines'
import { done, type Step, type StepContext, type StepResult, wait } from '../runs/recipe'
import type { Services } from '../services'
import { destroySecrets } from '../tenants/secrets'
import { serverOfRun } from '../tenants/tenant'
import { askAgent, callAgent } from './agent'
import { PATIENCE } from './patience'
import { pauseMs } from './pause'
import { FIRST_HOST_KEY } from './prepare'

// OpenSSH 10 punishes an address for bare connects, so each try is a whole login, and tries become rare.
const LOGIN_PAUSE = { share: 0.15, min: 1_500, max: 30_000 }

/** Waits until the server lets Atlas in, shows the host key it was given, and has finished cloud-init. */
export function verifyHostKey(services: Services): Step {
  return {
    name: 'verify-host-key',
    title: 'Wait for the first boot and verify the host key',
    patience: PATIENCE.boot,
    again: 'Logs in again, for another ten minutes.',
    run: (context) => letIn(services, context),
  }
}

/** Waits until a server that was just switched on lets Atlas in and is ready; the output has the host key it shows. */
export async function letIn(
  services: Services,
  { run, db, startedAt, now }: StepContext,
  server = serverOfRun(db.read, run),
): Promise<StepResult> {
  const waitedMs = now() - startedAt
  const again = (why: string) => wait(pauseMs(waitedMs, LOGIN_PAUSE), why)
  if (waitedMs < LOGIN_PAUSE.min) return again('The server is booting.')
  try {
    const command: AgentCommand = { verb: 'status', commandId: `${run.id}-status`, input: {} }
    const { result, hostKey } = await askAgent(services, server, command)
    return result.ready === true
      ? done({ hostKey })
      : again('The server answers; its boot is not complete yet.')
  } catch (thrown) {
    if (!(thrown instanceof AtlasError) || thrown.code !== 'unavailable') throw thrown
    return again(thrown.message)
  }
}

/**
 * Replaces the host key that travelled in user-data with one that the server made itself. The new public half is
 * stored before it is activated, so a lost reply leaves Atlas knowing both keys that the server may show. A key that
 * is stored is never prepared again: it may be active already, and then the server would make yet another one.
 */
export function rotateHostKey(services: Services): Step {
  return {
    name: 'rotate-host-key',
    title: 'Rotate the host key',
    again: 'Goes on with the key that the server has prepared, or has it prepare one.',
    async run(context) {
      const { run, db } = context
      const call = (part: string, input: Record<string, unknown>) =>
        callAgent(services, context, {
          verb: 'host-key',
          part,
          input: { action: part, ...input },
          summary: {},
        })
      const server = serverOfRun(db.read, run)
      const publicKey = server.nextHostKey ?? usableKey(await call('prepare', {}))
      expectHostKey(context, server.id, publicKey)
      await call('activate', { public_key: publicKey })
      services.machines.close(server.ipv4 ?? undefined)
      return done({ publicKey }, (tx) => {
        tx.update(servers)
          .set({ hostKey: publicKey, nextHostKey: null })
          .where(eq(servers.id, server.id))
          .run()
        destroySecrets(tx, run.tenantId, FIRST_HOST_KEY)
      })
    },
  }
}

function usableKey({ result }: AgentReply): string {
  const publicKey = String(result.public_key)
  if (!/^ssh-ed25519 [A-Za-z0-9+/=]+$/.test(publicKey)) throw conflict('The server made no usable host key.')
  return publicKey
}

/** Writes down which other host key a server may show from now on. */
export function expectHostKey({ db }: Pick<StepContext, 'db'>, serverId: string, nextHostKey: string): void {
  db.write((tx) => tx.update(servers).set({ nextHostKey }).where(eq(servers.id, serverId)).run())
}
