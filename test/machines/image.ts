import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Docker } from './docker'
import { runProgram } from './program'

/** What the clouds call a Debian, and what Debian does. */
const SUITES: Record<string, string> = { 'debian-13': 'trixie' }
/** What a cloud's image of Debian has before any user-data. */
const SYSTEM = [
  ...['systemd-sysv', 'dbus', 'openssh-server', 'cloud-init', 'sudo', 'ca-certificates'],
  ...['iproute2', 'procps', 'netbase', 'apparmor'],
]
const OPTIONS = [
  ...['--quiet', '--variant=minbase', '--aptopt=APT::Install-Recommends "false"'],
  // Nobody reads manuals here, and a system that a power cut spoils is built anew.
  ...['--dpkgopt=path-exclude=/usr/share/{doc,man,locale}/*', '--dpkgopt=force-unsafe-io'],
  // With the lists of packages in it, a first boot only asks whether they are still the same.
  ...['--aptopt=Acquire::Languages "none"', '--skip=cleanup/apt/lists'],
]
const REPOSITORY = 'atlas-machine'
const WEEK_MS = 7 * 86_400_000
const BUILD_TIMEOUT_MS = 8 * 60_000
const prepare = join(import.meta.dir, 'image/prepare.sh')

/**
 * The name of a Docker image with that Debian, built from this machine's own mirror unless it was this week. `packages`
 * are those that the user-data will ask for: they are in it already, so that a first boot takes seconds.
 */
export async function machineImage(docker: Docker, name: string, packages: string[]): Promise<string> {
  const suite = SUITES[name]
  if (!suite) throw new Error(`nobody has said here which Debian ${name} is`)
  const include = `--include=${[...new Set([...SYSTEM, ...packages])].join(',')}`
  const make = [...OPTIONS, include, `--customize-hook=${prepare} "$1"`, suite]
  const week = Math.floor(Date.now() / WEEK_MS)
  const recipe = [...make, await Bun.file(prepare).text(), week].join('\n')
  const image = `${REPOSITORY}:${createHash('sha256').update(recipe).digest('hex').slice(0, 16)}`
  if (await docker.call('image', 'ls', '--quiet', image)) return image
  await dropOlder(docker)
  await build(docker, image, make)
  return image
}

async function dropOlder(docker: Docker): Promise<void> {
  const older = await docker.call('image', 'ls', '--quiet', REPOSITORY)
  if (older) await docker.call('image', 'rm', '--force', ...older.split('\n'))
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

/** Where this machine's own Debian comes from. */
async function mirror(): Promise<string> {
  const sources = ['Label: Debian', 'Created-By: Packages']
  const addresses = await runProgram(['apt-get', 'indextargets', '--format', '$(REPO_URI)', ...sources])
  const [first] = addresses.split('\n')
  if (!first) throw new Error('this machine’s apt has no source with Debian in it')
  return first
}
