import type { Environment } from '../config'
import type { Random } from '../ids'
import type { Blueprint, Plan } from './blueprint'
import { agentScript } from './builtin'
import { generateSecrets, maskSettings, renderSettings } from './settings'
import { fillUserData } from './user-data'

const MASKED_KEY = [
  '-----BEGIN OPENSSH PRIVATE KEY-----',
  // As many lines as a real ed25519 key has.
  ...Array<string>(5).fill('•'.repeat(24)),
  '-----END OPENSSH PRIVATE KEY-----',
].join('\n')

const TENANT = {
  id: 'ten_0sample',
  subdomain: 'alice',
  domain: 'alice.example.com',
  url: 'https://alice.example.com',
}

/** The user-data that a sample tenant's server would get, its keys masked; as long as a real one. */
export function sampleUserData(blueprint: Pick<Blueprint, 'userData'>): string {
  const publicKey = `ssh-ed25519 ${'•'.repeat(23)}`
  return fillUserData(blueprint.userData, {
    hostKey: { privateKey: MASKED_KEY, publicKey },
    atlasPublicKey: publicKey,
    agent: agentScript,
    hostname: TENANT.domain,
  })
}

/** The settings that a sample tenant on the plan would get, secrets masked. Needs nothing of the environment. */
export function sampleSettings(blueprint: Blueprint, plan: Plan, random: Random): Record<string, string> {
  const shared: Environment = {}
  for (const setting of blueprint.settings) if ('from' in setting) shared[setting.from] = 'set'
  const { env } = renderSettings(blueprint, {
    tenant: TENANT,
    organization: { email: 'alice@example.com' },
    plan,
    release: blueprint.release,
    secrets: generateSecrets(blueprint, random),
    env: shared,
  })
  return maskSettings(blueprint, env)
}
