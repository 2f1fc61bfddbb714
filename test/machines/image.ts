import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Docker, OURS } from './docker'
import { runProgram } from './program'

/** Docker images of one Debian: as a cloud has it, and with all packages that the user-data will ask for. */
export type MachineImages = { fresh: string; ready: string }

/** What the clouds call a Debian, and what Debian does. */
const SUITES: Record<string, string> = { 'debian-13': 'trixie' }
/** What a cloud's image of Debian has before any user-data. */
const SYSTEM = [
  ...['systemd-sysv', 'dbus', 'openssh-server', 'cloud-init', 'sudo', 'ca-certificates'],
  ...['iproute2', 'procps', 'netbase', 'apparmor'],
]
const OPTIONS = [
  ...['--quiet', '--variant=minbase', `--include=${SYSTEM.join(',')}`],
  // Kept in the system: what nobody reads here is not unpacked, and what a power cut spoils is built anew.
  ...['--dpkgopt=path-exclude=/usr/share/{doc,man,locale}/*', '--dpkgopt=force-unsafe-io'],
  // With the lists of packages in it, a first boot only asks whether they are still the same.
  ...[
    '--aptopt=APT::Install-Recommends "false"',
    '--aptopt=Acquire::Languages "none"',
    '--skip=cleanup/apt/lists',
  ],
]
const WEEK_MS = 7 * 86_400_000
const BUILD_TIMEOUT_MS = 8 * 60_000
const prepare = join(import.meta.dir, 'image/prepare.sh')

/**
 * Builds a Debian by the cloud's name for it from this machine's own mirror, unless that was done this week. The
 * network has to lead to the mirror.
 */
export async function machineImages(
  docker: Docker,
  network: string,
  name: string,
  packages: string[],
): Promise<MachineImages> {
  const suite = SUITES[name]
  if (!suite) throw new Error(`nobody has said here which Debian ${name} is`)
  const make = [...OPTIONS, `--customize-hook=${prepare} "$1"`, suite]
  const week = String(Math.floor(Date.now() / WEEK_MS))
  // What is run and not where it lies: another checkout of this repository makes the same.
  const recipe = [...OPTIONS, suite, await Bun.file(prepare).text(), week]
  const fresh = await keep(docker, 'atlas-machine-fresh', recipe, (image) => build(docker, image, make))
  const ready = await keep(docker, 'atlas-machine-ready', [...recipe, ...packages], (image) =>
    install(docker, image, { fresh, network, packages }),
  )
  return { fresh, ready }
}

/** The image of this recipe, made if it is not there; those of other recipes go. */
async function keep(
  docker: Docker,
  repository: string,
  recipe: string[],
  make: (image: string) => Promise<void>,
): Promise<string> {
  const image = `${repository}:${createHash('sha256').update(recipe.join('\n')).digest('hex').slice(0, 16)}`
  const names = await docker.call('image', 'ls', '--format', '{{.Repository}}:{{.Tag}}', repository)
  const older = names.split('\n').filter((one) => one !== image && one !== '')
  if (older.length > 0) await docker.call('image', 'rm', '--force', ...older)
  if (!names.split('\n').includes(image)) await make(image)
  return image
}

async function build(docker: Docker, image: string, make: string[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'atlas-machine-'))
  const tar = join(folder, 'system.tar')
  try {
    await runProgram(['mmdebstrap', ...make, tar, await mirror()], { timeoutMs: BUILD_TIMEOUT_MS })
    await docker.call('import', '--change', 'ENV container=docker', tar, image)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function install(
  docker: Docker,
  image: string,
  { fresh, network, packages }: { fresh: string; network: string; packages: string[] },
): Promise<void> {
  const script = 'exec 2>&1; apt-get install --yes "$@" && apt-get clean && : >/etc/machine-id'
  const container = await docker.call(
    ...['create', '--label', `${OURS}=1`, '--network', network, '--env', 'DEBIAN_FRONTEND=noninteractive'],
    // An apt that can't find its mirror by name takes all memory there is, for minutes, instead of saying so.
    '--memory=2g',
    ...[fresh, 'sh', '-c', script, 'sh', ...packages],
  )
  // It may take minutes on a slow machine, and a system that is only half there must never become the image.
  await docker.runThrough(container, BUILD_TIMEOUT_MS)
  await docker.call('commit', '--change', 'ENV container=docker', container, image)
  await docker.call('rm', container)
}

/** Where this machine's own Debian comes from. */
async function mirror(): Promise<string> {
  const sources = ['Label: Debian', 'Created-By: Packages']
  const addresses = await runProgram(['apt-get', 'indextargets', '--format', '$(REPO_URI)', ...sources])
  const [first] = addresses.split('\n')
  if (!first) throw new Error('this machine’s apt has no source with Debian in it')
  return first
}
