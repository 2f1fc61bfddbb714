import agent from '../../cloud-init/agent.sh' with { type: 'text' }
import virtuesBlueprint from '../../cloud-init/virtues/blueprint.yaml' with { type: 'text' }
import virtuesCompose from '../../cloud-init/virtues/compose.yaml' with { type: 'text' }
import virtuesReleases from '../../cloud-init/virtues/releases.yaml' with { type: 'text' }
import virtuesUserData from '../../cloud-init/virtues/user-data.yaml' with { type: 'text' }
import type { BlueprintSource } from './blueprint'

/** The text of the program that Atlas calls on a tenant's server. */
export const agentScript: string = agent

/** What the agent of this text calls itself. */
export const agentVersion: string = new Bun.CryptoHasher('sha256').update(agent).digest('hex').slice(0, 12)

/** The blueprints inside the binary: the folders of cloud-init/. */
export const builtinBlueprints: BlueprintSource[] = [
  {
    name: 'virtues',
    blueprint: virtuesBlueprint,
    userData: virtuesUserData,
    compose: virtuesCompose,
    releases: virtuesReleases,
  },
]
