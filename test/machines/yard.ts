import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { builtinBlueprints } from '../../src/catalog/builtin'
import { SystemClock } from '../../src/clock'
import { CLOUD_KEYS, SSH_KEY_NAME, ZONE_ID } from '../../src/demo/environment'
import { generateHostKey } from '../../src/providers/ssh/keys'
import type { MachineSpec } from '../../src/simulator/driver'
import { type CloudsOptions, makeClouds } from '../../src/simulator/simulator'
import { World } from '../../src/simulator/world'
import { OURS } from './docker'
import { DockerDriver } from './docker-driver'
import type { Ground } from './ground'
import { machineImages } from './image'
import { startAcme } from './outside/acme'
import { type Authority, makeAuthority } from './outside/authority'
import { startNames } from './outside/names'
import { Registry } from './outside/registry'
import { publishReleases } from './outside/releases'
import { runProgram } from './program'

/** Where the simulated Hetzner's addresses are. */
const SUBNET = '198.18.0.0/16'
/** This machine as those see it. The simulated Hetzner gives the address to its 65,000th server. */
const OUTSIDE = '198.18.255.254'
const NETWORK = 'atlas-machines'
const IMAGE = 'debian-13'
const CLOUD_SPEED = 20

export const TENANT_DOMAIN = 'sites.example.net'
export const PRICE = 'price_notebook_only'
export const WEBHOOK_SECRET = 'whsec_machines00000000000000000000'

export type Yard = Awaited<ReturnType<typeof openYard>>

/** A Docker that lost its memory leaves its bridge behind, and what machines send would go there and nowhere. */
async function removeStrayBridges(): Promise<void> {
  const lines = await runProgram(['ip', '-oneline', '-family', 'inet', 'address', 'show', 'to', OUTSIDE])
  const bridges = lines.split('\n').flatMap((line) => /^\d+: (br-[0-9a-f]{12}) /.exec(line)?.[1] ?? [])
  for (const bridge of bridges) await runProgram(['ip', 'link', 'delete', bridge])
}

/**
 * The simulated clouds with Docker behind their Hetzner, and what real machines need of the internet around them: a
 * registry, a certificate authority, names and storage. `deliver` takes Stripe's webhooks.
 */
export async function openYard({ docker, folder }: Ground, deliver: NonNullable<CloudsOptions['deliver']>) {
  await using ends = new AsyncDisposableStack()
  await removeStrayBridges()
  const options = ['--driver', 'bridge', '--subnet', SUBNET, '--gateway', OUTSIDE]
  await docker.call('network', 'create', '--label', `${OURS}=1`, ...options, NETWORK)
  const authority = await makeAuthority(folder, OUTSIDE)
  const registry = await Registry.start(folder, OUTSIDE, authority)
  ends.defer(() => registry.stop())
  const digests = await publishReleases(registry)

  const system = await machineImages(docker, NETWORK, IMAGE, packagesAsked())
  // The first machine installs everything as at a cloud; the others have it already, for the time's sake.
  let made = 0
  const imageOf = ({ image }: MachineSpec) => {
    if (image !== IMAGE) throw new Error(`there is no real ${image}`)
    return made++ === 0 ? system.fresh : system.ready
  }
  const sshKey = generateHostKey()
  const driver = new DockerDriver({
    docker,
    network: NETWORK,
    imageOf,
    folder: join(folder, 'seeds'),
    authority: authority.ca,
  })
  const clock = new SystemClock()
  const clouds = makeClouds(new World({ clock, speed: CLOUD_SPEED }), {
    keys: CLOUD_KEYS,
    prices: [{ id: PRICE, amount: 500, currency: 'usd', interval: 'month', productName: 'Notebook' }],
    webhook: { url: 'http://127.0.0.1/api/stripe/webhook', secret: WEBHOOK_SECRET },
    zone: { id: ZONE_ID, name: TENANT_DOMAIN },
    sshKey: { name: SSH_KEY_NAME, publicKey: sshKey.publicKey },
    publicUrl: () => cloudsUrl,
    driver,
    deliver,
  })
  ends.defer(() => clouds.stop())
  const cloudsUrl = clouds.front.listen(0)
  ends.defer(() => clouds.front.stop())
  const storage = serveOutside(authority, (request) => clouds.front.answer(request))
  ends.defer(() => storage.stop(true))

  const names = await startNames(OUTSIDE, (name) => clouds.route53.resolve(name))
  ends.defer(() => names.stop())
  const acme = await startAcme(folder, OUTSIDE, names.address, authority)
  ends.defer(() => acme.stop())
  const blueprintsDir = writeBlueprint(folder, acme.directoryUrl)

  const running = ends.move()
  const leave = () => running.disposeAsync()
  const storageUrl = `https://${OUTSIDE}:${storage.port}/s3`
  return {
    docker,
    clock,
    clouds,
    cloudsUrl,
    storageUrl,
    driver,
    registry,
    digests,
    authority,
    acme,
    sshKey,
    blueprintsDir,
    leave,
  }
}

/** The storage as machines reach it, which is the same front under an address that has a certificate. */
function serveOutside({ certificate, key }: Authority, answer: (request: Request) => Promise<Response>) {
  const tls = { cert: readFileSync(certificate), key: readFileSync(key) }
  return Bun.serve({ hostname: OUTSIDE, port: 0, tls, fetch: answer })
}

const virtues = builtinBlueprints.find(({ name }) => name === 'virtues')

/** What the first boot of a tenant's server installs. */
function packagesAsked(): string[] {
  const { packages } = Bun.YAML.parse(virtues?.userData ?? '') as { packages: string[] }
  return packages
}

/** The tests' own blueprint with the user-data of Virtues, where only the address of the authority is another. */
function writeBlueprint(folder: string, directoryUrl: string): string {
  const blueprints = join(folder, 'blueprints')
  const place = join(blueprints, 'notebook')
  mkdirSync(blueprints)
  cpSync(join(import.meta.dir, 'blueprint'), place, { recursive: true })
  const site = '      {{hostname}} {\n'
  const parts = virtues?.userData.split(site) ?? []
  if (parts.length !== 2) throw new Error('the user-data has no Caddyfile that begins with the tenant’s name')
  const options = `      {\n        acme_ca ${directoryUrl}\n      }\n`
  writeFileSync(join(place, 'user-data.yaml'), parts.join(options + site))
  return blueprints
}
