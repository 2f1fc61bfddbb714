import { createHash } from 'node:crypto'
import { agentScript, agentVersion } from '../catalog/builtin'
import { AtlasError, conflict } from '../errors'
import type { StepContext } from '../runs/recipe'
import type { Services } from '../services'
import { callAgent } from './agent'

/**
 * Brings a server's agent to the version that this Atlas brings, and leaves one that has it alone; `status` is what
 * the agent said of itself. Throws `conflict` for one that is too old for that.
 */
export async function updateAgent(
  services: Services,
  context: StepContext,
  { agent_version: from }: Record<string, unknown>,
): Promise<void> {
  if (from === agentVersion) return
  const script_sha256 = createHash('sha256').update(agentScript).digest('hex')
  const input = { script: agentScript, script_sha256 }
  const summary = { from: String(from), to: agentVersion }
  await callAgent(services, context, { verb: 'update', input, summary }).catch(asTooOld)
}

/** The first agents knew nothing of updates. */
function asTooOld(thrown: unknown): never {
  if (!(thrown instanceof AtlasError) || thrown.vendorCode !== 'agent_invalid') throw thrown
  const { vendorCode, outcome } = thrown
  throw conflict(
    'The server’s agent is too old to be brought up to date. Move the tenant to a new server, which gets a new one.',
    { vendorCode, outcome, cause: thrown },
  )
}
