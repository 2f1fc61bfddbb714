import { and, count, eq, like, sql } from 'drizzle-orm'
import { prepared } from '../db/prepared'
import { effects } from '../db/schema'
import { AtlasError, asAtlasError, conflict } from '../errors'
import type { Log } from '../log'
import type { AgentCommand, AgentReply, AgentVerb, MachineTarget, RunOptions } from '../providers/machines'
import type { StepContext } from '../runs/recipe'
import type { Services } from '../services'
import { readSecrets } from '../tenants/secrets'
import { getTenant, type ServerRow, serverOfRun } from '../tenants/tenant'
import { newLines } from './agent-lines'

/** How the vendor codes begin of what the agent itself refused. */
const AGENT_SAID = 'agent_'

export type AgentCall = {
  verb: AgentVerb
  /** What tells two calls of one verb in a step apart. */
  part?: string
  /** What tells another try of the same call from the one before it; the ledger has it in the command's id only. */
  attempt?: string
  /** The id of a command that was given before, to hear its end once more. */
  commandId?: string
  input: Record<string, unknown>
  /** For the ledger: nothing secret. */
  summary: Record<string, string | number>
  /** Instead of the server that the run works on. */
  server?: ServerRow
}

/**
 * Has the server's agent run one verb once. The command id stays the same through crashes and lost replies, so the
 * agent attaches instead of running twice; only after an answered refusal does the next try get a new id.
 */
export function callAgent(
  services: Services,
  context: StepContext,
  { verb, part, attempt, input, summary, server, ...former }: AgentCall,
  { onLog, ...options }: RunOptions = {},
): Promise<AgentReply> {
  const { run, db, effect } = context
  // What a run takes back is another command than what it did.
  const back = run.direction === 'undo' ? 'back' : undefined
  const named = part ? `${verb} ${part}` : verb
  const words = [run.id, verb, part, attempt, back, refusals(context, named)]
  const commandId = former.commandId ?? words.filter((word) => word !== undefined).join('-')
  const listener = onLog && newLines(context, services.log, commandId, onLog)
  return effect(
    { provider: 'ssh', verb: named, key: commandId, summary },
    () =>
      askAgent(
        services,
        server ?? serverOfRun(db.read, run),
        { verb, commandId, input },
        { ...options, onLog: listener },
      ),
    () => commandId,
  )
}

/** Has a server's agent run a command that the ledger need not know of: a look, or one that it has already. */
export function askAgent(
  services: Services,
  server: ServerRow,
  command: AgentCommand,
  options?: RunOptions,
): Promise<AgentReply> {
  knowSecrets(services, server.tenantId)
  return listen(services, services.machines.run(targetOf(server), command, options))
}

/** What a server says went wrong is its own word, and may repeat a secret that it was given. */
async function listen({ log }: Services, reply: Promise<AgentReply>): Promise<AgentReply> {
  try {
    return await reply
  } catch (thrown) {
    const { code, message, vendorCode, outcome, facts } = asAtlasError(thrown)
    if (!isAgentsWord({ vendorCode })) throw thrown
    throw new AtlasError(code, `The server says: ${log.redact(message)}`, {
      vendorCode,
      outcome,
      facts: facts && (redacted(facts, log) as typeof facts),
    })
  }
}

function redacted(said: unknown, log: Log): unknown {
  if (typeof said === 'string') return log.redact(said)
  if (Array.isArray(said)) return said.map((one) => redacted(one, log))
  if (typeof said !== 'object' || said === null) return said
  return Object.fromEntries(Object.entries(said).map(([name, one]) => [name, redacted(one, log)]))
}

/** Whether an error is what the agent itself answered: then the server can be reached. */
export function isAgentsWord({ vendorCode }: Pick<AtlasError, 'vendorCode'>): boolean {
  return vendorCode?.startsWith(AGENT_SAID) === true
}

/** Machines may say their secrets back, also to an Atlas that has just started: its log must know them by then. */
function knowSecrets(services: Services, tenantId: string): void {
  const { read } = services.db
  readSecrets(read, services, getTenant(read, tenantId))
}

/** Where a server is and which host keys it may show. Throws `conflict` before it has an address. */
export function targetOf({ ipv4, hostKey, nextHostKey }: ServerRow): MachineTarget {
  if (!ipv4 || !hostKey) throw conflict('The server has no address yet.')
  return { address: ipv4, hostKeys: nextHostKey ? [hostKey, nextHostKey] : [hostKey] }
}

const countRefusals = prepared((db) => {
  const refused = and(
    eq(effects.outcome, 'refused'),
    like(effects.vendorCode, `${AGENT_SAID}%`),
  )?.inlineParams()
  const { runId, step, verb } = effects
  const ofStep = and(eq(runId, sql.placeholder('runId')), eq(step, sql.placeholder('step')))
  return db
    .select({ count: count() })
    .from(effects)
    .where(and(ofStep, eq(verb, sql.placeholder('verb')), refused))
    .prepare()
})

/**
 * How often the agent itself said no to this in this step; a server that could not be reached said nothing. What
 * another command of the step was told does not matter: this one may have been done.
 */
function refusals({ run, step, db }: StepContext, verb: string): number {
  return countRefusals(db.read).get({ runId: run.id, step, verb })?.count ?? 0
}
