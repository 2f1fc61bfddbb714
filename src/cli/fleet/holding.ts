import { generateSecrets, renderSettings } from '../../catalog/settings'
import { signupToken } from '../../signups/link'
import type { Sold } from '../../simulator/stripe/past-sale'
import type { Ground } from './ground'
import type { Tenancy } from './tenancy'

/** What the clouds hold of a tenancy, and what Atlas has to know of it. */
export type Holding = {
  sold: Sold
  server: { id: string; hostKey: string } & Addresses
  changeId: string
  secrets: Record<string, string>
  settings: { names: string[]; sha256: string }
  digest: string
}

type Addresses = { ipv4: string; ipv4Id: string | null; ipv6: string | null; ipv6Id: string | null }

export const TTL_SECONDS = 60

/** Puts a tenancy's sale, server, running machine and DNS record into the clouds. */
export function settleInClouds(ground: Ground, tenancy: Tenancy): Holding {
  const { services, clouds } = ground
  const { lot, hostname, serverName, approvedAt: bootedAt } = tenancy
  const { blueprint } = lot.entry
  const secrets = generateSecrets(blueprint, services.random)
  const env = settingsOf(ground, tenancy, secrets)
  const server = orderServer(ground, tenancy)
  const { id: serverId, ipv4 } = server
  const { hostKey, settingsSha256, digest } = clouds.machines.seed(lot.machine, {
    serverId,
    name: serverName,
    ipv4,
    site: hostname,
    env,
    release: blueprint.release,
    bootedAt,
  })
  const record = { name: hostname, type: 'A', ttl: TTL_SECONDS, values: [ipv4] }
  return {
    sold: pay(ground, tenancy),
    server: { ...server, hostKey },
    changeId: clouds.route53.seed(record, bootedAt),
    secrets,
    digest,
    settings: { names: Object.keys(env), sha256: settingsSha256 },
  }
}

function pay({ services, clouds }: Ground, { person, lot, ids, paidAt }: Tenancy): Sold {
  const { baseUrl, authSecret } = services.settings
  return clouds.stripe.seed({
    at: paidAt,
    priceId: lot.entry.priceId,
    payer: { email: person.email, name: person.name },
    clientReferenceId: ids.signup,
    metadata: { signup_id: ids.signup },
    successUrl: `${baseUrl}/signup/success?signup=${signupToken(authSecret, ids.signup)}`,
  })
}

function orderServer(
  { services, clouds, firewallId }: Ground,
  { lot, ids, serverName, approvedAt }: Tenancy,
) {
  const { installationId, sshKeyId } = services.settings
  const order = {
    name: serverName,
    server_type: lot.serverType,
    location: lot.location,
    image: lot.entry.blueprint.server.image,
    ssh_keys: [sshKeyId],
    firewalls: [{ firewall: Number(firewallId) }],
    labels: { atlas: installationId, tenant: ids.tenant, server: ids.server, run: ids.run },
  }
  const { ipv4, ipv6, ...seeded } = clouds.hetzner.seed(order, approvedAt, {
    backups: lot.entry.plan.backups.cloud,
  })
  if (!ipv4) throw new Error('a server has an address')
  return { ...seeded, ipv4, ipv6: ipv6?.replace(/::\/64$/, '::1') ?? null }
}

function settingsOf({ services }: Ground, tenancy: Tenancy, secrets: Record<string, string>) {
  const { person, lot, ids, hostname, url } = tenancy
  const { blueprint, plan } = lot.entry
  return renderSettings(blueprint, {
    tenant: { id: ids.tenant, subdomain: person.subdomain, domain: hostname, url },
    organization: { email: person.email },
    plan,
    release: blueprint.release,
    secrets,
    env: services.env,
  }).env
}
