import { eq } from 'drizzle-orm'
import { servers } from '../db/schema'
import { conflict } from '../errors'
import type { CloudServer } from '../providers/cloud'
import { done, type Step, type StepContext, type StepResult, type Wait, wait } from '../runs/recipe'
import type { Services } from '../services'
import { serverOfRun } from '../tenants/tenant'
import { follow } from './cloud-action'
import { letIn } from './host-key'
import { PATIENCE } from './patience'
import { pauseMs } from './pause'

/** How long an operating system may take to stop by itself before its power is cut. */
const SHUTDOWN_GRACE_MS = 60_000

/** Switches the server off; taken back, it is on and lets Atlas in. */
export function powerOff(services: Services): Step {
  return {
    name: 'power-off',
    title: 'Switch the server off',
    patience: PATIENCE.action,
    again: 'Looks whether it is off, and switches it off if not.',
    takesBack: 'Switches it on and waits until it answers.',
    run: async (context) => (await switchOff(services, context)) ?? done(),
    undo: async (context) => (await switchOn(services, context)) ?? letIn(services, context),
  }
}

/** Switches the server on; taken back, it is off. */
export function powerOn(services: Services): Step {
  return {
    name: 'power-on',
    title: 'Switch the server on',
    patience: PATIENCE.action,
    again: 'Looks whether it runs, and switches it on if not.',
    takesBack: 'Switches it off.',
    run: async (context) => (await switchOn(services, context)) ?? done(),
    undo: async (context) => (await switchOff(services, context)) ?? done(),
  }
}

/** Waits until the server has booted and its agent answers. */
export function waitForAgent(services: Services): Step {
  return {
    name: 'wait-for-agent',
    title: 'Wait until the server answers',
    patience: PATIENCE.boot,
    again: 'Logs in again.',
    run: (context) => letIn(services, context),
  }
}

/** Gives the server, which is off, the type that the run is for; taken back, its former one. */
export function changeType(services: Services): Step {
  return {
    name: 'change-type',
    title: 'Change the server’s type',
    patience: PATIENCE.action,
    again: 'Looks which type it has, and changes it if it is not the plan’s.',
    takesBack: 'Gives it its former type back.',
    run: (context) => becomeType(services, context, String(context.run.input.serverType)),
    undo: (context) => becomeType(services, context, String(context.run.input.formerType)),
  }
}

async function becomeType(services: Services, context: StepContext, type: string): Promise<StepResult> {
  const { id, externalId, name } = await cloudServer(services, context)
  const waiting = await follow(services, context, {
    verb: 'changeServerType',
    key: `${externalId} ${type}`,
    summary: { name, type },
    words: `give the server the type ${type}`,
    start: () => services.cloud.changeServerType(externalId, type),
  })
  return (
    waiting ??
    done({ serverType: type }, (tx) =>
      tx.update(servers).set({ serverType: type }).where(eq(servers.id, id)).run(),
    )
  )
}

/** Null when the server is off. Its system is asked first; when it takes no notice, the power is cut. */
async function switchOff(services: Services, context: StepContext): Promise<Wait | null> {
  const { cloud, machines } = services
  const { externalId, name, now, ipv4 } = await cloudServer(services, context)
  if (now.status === 'off') {
    machines.close(ipv4 ?? undefined)
    return null
  }
  const waitedMs = context.now() - context.startedAt
  const isPatient = waitedMs < SHUTDOWN_GRACE_MS
  const verb = isPatient ? 'shutdown' : 'powerOff'
  const waiting = await follow(services, context, {
    verb,
    key: `${externalId} ${verb}`,
    summary: { name },
    words: 'switch the server off',
    start: () => cloud[verb](externalId),
  })
  return waiting ?? wait(pauseMs(waitedMs), 'The server is shutting down.')
}

/** Null when the server runs. */
async function switchOn(services: Services, context: StepContext): Promise<Wait | null> {
  const { externalId, name, now } = await cloudServer(services, context)
  if (now.status === 'running') return null
  const waiting = await follow(services, context, {
    verb: 'powerOn',
    key: `${externalId} powerOn`,
    summary: { name },
    words: 'switch the server on',
    start: () => services.cloud.powerOn(externalId),
  })
  return waiting ?? wait(pauseMs(context.now() - context.startedAt), `The server is ${now.status}.`)
}

/** The run's server with what the cloud says of it now. Throws `conflict` when it is gone. */
async function cloudServer({ cloud }: Services, { db, run }: StepContext) {
  const { id, name, externalId, ipv4 } = serverOfRun(db.read, run)
  const now: CloudServer | null = externalId ? await cloud.getServer(externalId) : null
  if (!externalId || !now) throw conflict('The server is gone. Move the tenant to a new one.')
  return { id, name, externalId, ipv4, now }
}
