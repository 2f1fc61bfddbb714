import { expect } from 'bun:test'
import { AtlasError } from '../../../src/errors'
import type { Cloud, CloudServer, ServerSpec } from '../../../src/providers/cloud'
import { createHetzner } from '../../../src/providers/hetzner'
import type { Fault } from '../../../src/simulator/faults'
import { HetznerStand, TOKEN } from '../../simulator/hetzner-stand'

export const LABELS = { 'atlas-install': 'ins_1', 'atlas-tenant': 'ten_1' }

export const FIREWALL = {
  name: 'atlas-tenants',
  labels: { 'atlas-install': 'ins_1' },
  rules: [
    { protocol: 'tcp' as const, port: '22', sourceIps: ['0.0.0.0/0', '::/0'], description: 'ssh' },
    { protocol: 'icmp' as const, sourceIps: ['0.0.0.0/0'] },
  ],
}

/** A simulated project at Hetzner with the real client in front of it. */
export class HetznerProject {
  readonly stand: HetznerStand
  readonly cloud: Cloud

  constructor(options?: ConstructorParameters<typeof HetznerStand>[0]) {
    this.stand = new HetznerStand(options)
    this.cloud = this.client()
  }

  /** Another client, with an account of its own. */
  client(): Cloud {
    return createHetzner({ token: TOKEN, apiUrl: this.stand.apiUrl, clock: this.stand.clock })
  }

  async spec(change: Partial<ServerSpec> = {}): Promise<ServerSpec> {
    const { id: firewallId } = await this.cloud.ensureFirewall(FIREWALL)
    const key = await this.cloud.getSshKey('atlas')
    return {
      name: 'atlas-alice',
      serverType: 'cpx21',
      location: 'fsn1',
      image: 'debian-13',
      userData: '#cloud-config\n',
      sshKeyIds: [key!.id],
      firewallId,
      labels: LABELS,
      ...change,
    }
  }

  /** A server that runs. */
  async server(change: Partial<ServerSpec> = {}): Promise<CloudServer> {
    const { server } = await this.cloud.ensureServer(await this.spec(change))
    this.wait()
    return (await this.cloud.getServer(server.id))!
  }

  /** A server without power. */
  async offServer(change: Partial<ServerSpec> = {}): Promise<CloudServer> {
    const server = await this.server(change)
    await this.cloud.powerOff(server.id)
    this.wait()
    return server
  }

  /** Lets enough time go by for anything that runs. */
  wait(ms = 10_000): void {
    this.stand.clock.advance(ms)
  }

  /** How often something was asked for. */
  asked(verb: string): number {
    return this.stand.verbs.filter((one) => one === verb).length
  }

  inject(verb: string, kind: Fault['kind'], more: Partial<Fault> = {}): void {
    this.stand.front.faults.add({ provider: 'hetzner', verb, kind, times: 1, ...more })
  }
}

/** What a promise was refused with. */
export async function refused(promise: Promise<unknown>): Promise<AtlasError> {
  const thrown = await promise.then(
    () => null,
    (reason) => reason,
  )
  expect(thrown).toBeInstanceOf(AtlasError)
  return thrown as AtlasError
}
