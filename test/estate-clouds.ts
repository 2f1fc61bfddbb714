import { type Clock, type MovableClock, SystemClock } from '../src/clock'
import { CLOUD_KEYS, SSH_KEY_NAME, ZONE_ID } from '../src/demo/environment'
import { demoPrices } from '../src/demo/goods'
import { createHetzner } from '../src/providers/hetzner'
import { createProbe } from '../src/providers/http-probe'
import { createRegistry } from '../src/providers/oci-registry'
import { createResend } from '../src/providers/resend'
import { createRoute53 } from '../src/providers/route53'
import { createS3 } from '../src/providers/s3'
import { createMachines } from '../src/providers/ssh'
import { generateHostKey } from '../src/providers/ssh/keys'
import { createStripe } from '../src/providers/stripe'
import { type Simulator, startSimulator } from '../src/simulator/simulator'

const CLOUD_SPEED = 1_000_000
const atlasKey = generateHostKey()

/** Simulated clouds on ports of their own, a million times as fast as real ones. */
export function startClouds(clock: MovableClock): Promise<Simulator> {
  return startSimulator({
    clock,
    speed: CLOUD_SPEED,
    ports: { clouds: 0, tenants: 0, gateway: 0 },
    keys: CLOUD_KEYS,
    prices: demoPrices(),
    webhook: { url: 'http://127.0.0.1:9/', secret: 'unused' },
    zone: { id: ZONE_ID, name: 'localhost' },
    sshKey: { name: SSH_KEY_NAME, publicKey: atlasKey.publicKey },
  })
}

/** What Atlas is told of these clouds. */
export const settingsFor = ({ urls }: Simulator) => ({
  tenantDomain: new URL(urls.tenants.replace('127.0.0.1', 'localhost')).host,
  sshKeyId: SSH_KEY_NAME,
  sshPublicKey: atlasKey.publicKey,
})

/** Whatever takes longer than a busy machine needs is not going to be answered. */
const ANSWERED_MS = 200

/** How many answers are waited for just now. */
export class Waiting {
  count = 0

  /** The same clients, whose calls are counted until they are answered, or will not be. */
  by<T extends Record<string, object>>(clients: T): T {
    const counted = Object.entries(clients).map(([name, client]) => [name, this.counted(client)])
    return Object.fromEntries(counted) as T
  }

  private counted(client: object): object {
    return new Proxy(client, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name)
        if (typeof value !== 'function') return value
        return (...args: unknown[]) => this.until(value.apply(target, args))
      },
    })
  }

  private until(answer: unknown): unknown {
    if (!(answer instanceof Promise)) return answer
    this.count++
    const isOver = Promise.race([answer, Bun.sleep(ANSWERED_MS)]).catch(() => undefined)
    void isOver.then(() => this.count--)
    return answer
  }
}

/** The real clients of everything but Stripe. Their own time-outs are those of the machine's clock. */
export function clientsOf({ urls: { clouds, gateway } }: Simulator, storageClock: Clock) {
  const clock = new SystemClock()
  return {
    cloud: createHetzner({ token: CLOUD_KEYS.hetzner, apiUrl: `${clouds}/hetzner/v1`, clock }),
    dns: createRoute53({
      accessKeyId: CLOUD_KEYS.awsAccessKeyId,
      secretAccessKey: 'secret',
      hostedZoneId: ZONE_ID,
      apiUrl: `${clouds}/route53`,
      clock,
    }),
    mailer: createResend({ apiKey: CLOUD_KEYS.resend, apiUrl: `${clouds}/resend` }),
    machines: createMachines({ privateKey: atlasKey.privateKey, gatewayUrl: gateway, clock }),
    probe: createProbe({ gatewayUrl: gateway, clock }),
    objects: createS3({ endpoint: `${clouds}/s3`, ...CLOUD_KEYS.s3, clock: storageClock }),
    registry: createRegistry({ ...CLOUD_KEYS.registry, host: 'ghcr.io', apiUrl: clouds, clock }),
  }
}

/** The real client of Stripe. */
export function stripeOf({ urls }: Simulator) {
  const apiUrl = urls.clouds.replace('127.0.0.1', 'localhost')
  return createStripe({ secretKey: CLOUD_KEYS.stripe, webhookSecret: 'whsec_unused', apiUrl })
}
