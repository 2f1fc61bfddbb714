import agent from '../../cloud-init/agent.sh' with { type: 'text' }
import virtuesBlueprint from '../../cloud-init/virtues/blueprint.yaml' with { type: 'text' }
import virtuesCompose from '../../cloud-init/virtues/compose.yaml' with { type: 'text' }
import virtuesUserData from '../../cloud-init/virtues/user-data.yaml' with { type: 'text' }
import type { BlueprintSource } from './blueprint'

/** The text of the program that Atlas calls on a tenant's server. */
export const agentScript: string = agent

/** The blueprints inside the binary: the folders of cloud-init/. */
export const builtinBlueprints: BlueprintSource[] = [
  {
    name: 'virtues',
    blueprint: virtuesBlueprint,
    userData: virtuesUserData,
    compose: virtuesCompose,
  },
]
