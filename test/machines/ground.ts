import { expect } from 'bun:test'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { remedy, type ToolName, tools } from '../../scripts/tools'
import type { Refusal } from '../needs'
import { Docker } from './docker'
import { rememberForwarding } from './forwarding'
import { Daemon } from './program'

/** A Docker that machines can be made with. */
export type Ground = {
  docker: Docker
  /** Empty, and gone afterwards. */
  folder: string
  /** Removes everything that these tests made, and ends what they started. */
  leave(): Promise<void>
}

const TOOLS: ToolName[] = ['dockerd', 'mmdebstrap', 'docker-registry', 'pebble', 'busybox', 'openssl']
/** Kept between runs: building the machines' system anew takes a minute. */
const DATA = '/var/cache/atlas-test-machines'
const RUN = '/run/atlas-test-machines'
const OWN_DOCKER = `unix://${RUN}/docker.sock`
const DOCKER_PID = `${RUN}/docker.pid`
const DOCKER_LOG = `${RUN}/dockerd.log`

/** Finds a Docker on this machine or starts one; resolves to why not where the machine does not allow it. */
export async function findGround(): Promise<Ground | Refusal> {
  const reason = lackOf(factsHere())
  if (reason) return { reason, proof: () => expect(lackOf(factsHere())).toBe(reason) }
  const missing = TOOLS.map((name) => tools[name]).filter((tool) => tool.find() === null)
  if (missing.length > 0) return { reason: `needs ${missing.map(remedy).join(', ')}` }
  mkdirSync(RUN, { recursive: true })
  const turn = await takeTurn()
  const found = await findDocker()
  if ('reason' in found) {
    turn.kill()
    return found
  }
  const { docker, stop } = found
  const folder = `${RUN}/ground`
  const sweep = async () => {
    await docker.sweep()
    rmSync(folder, { recursive: true, force: true })
  }
  await sweep()
  mkdirSync(folder, { mode: 0o700 })
  const leave = async () => {
    await sweep()
    await stop()
    turn.kill()
  }
  return { docker, folder, leave }
}

/** What this machine is, as far as it matters. */
export type Facts = {
  isLinux: boolean
  isRoot: boolean
  hasApt: boolean
  /** The capabilities of this process, as bits. */
  capabilities: bigint
  hasCgroups: boolean
}

// https://man7.org/linux/man-pages/man7/capabilities.7.html
const CAPABILITIES = { CAP_NET_ADMIN: 12n, CAP_SYS_ADMIN: 21n, CAP_MKNOD: 27n }

/** Why real machines cannot run on a machine like this; null when nothing is known against it. */
export function lackOf({ isLinux, isRoot, hasApt, capabilities, hasCgroups }: Facts): string | null {
  if (!isLinux) return 'needs Linux'
  if (!isRoot) return 'needs root'
  if (!hasApt) return 'needs Debian, for its apt-get'
  const missing = Object.entries(CAPABILITIES).filter(([, bit]) => ((capabilities >> bit) & 1n) === 0n)
  if (missing.length > 0) return `needs ${missing.map(([name]) => name).join(', ')}`
  return hasCgroups ? null : 'needs cgroups at /sys/fs/cgroup'
}

export function factsHere(): Facts {
  const isLinux = process.platform === 'linux'
  const status = isLinux ? readFileSync('/proc/self/status', 'utf8') : ''
  return {
    isLinux,
    isRoot: process.getuid?.() === 0,
    hasApt: Bun.which('apt-get') !== null,
    capabilities: BigInt(`0x${/^CapEff:\s*(\w+)$/m.exec(status)?.[1] ?? '0'}`),
    hasCgroups: existsSync('/sys/fs/cgroup'),
  }
}

/** Only one of them at a time has the addresses: whoever comes second waits for the kernel's lock. */
async function takeTurn() {
  const turn = Bun.spawn(['flock', `${RUN}/turn`, 'sh', '-c', 'echo mine && exec cat'], {
    stdin: 'pipe',
    stdout: 'pipe',
  })
  await turn.stdout.getReader().read()
  return turn
}

const STOP_WAITS_MAX = 60

type Found = { docker: Docker; stop(): Promise<void> }

async function findDocker(): Promise<Found | Refusal> {
  const { DOCKER_HOST } = process.env
  const usual = new Docker(DOCKER_HOST?.startsWith('unix:') ? DOCKER_HOST : 'unix:///var/run/docker.sock')
  if (await usual.answers()) return { docker: usual, stop: async () => undefined }
  const docker = new Docker(OWN_DOCKER)
  await untilLastIsGone()
  const restoreForwarding = await rememberForwarding(`${RUN}/forwarding.json`)
  const daemon = startDocker()
  try {
    await daemon.up(() => docker.answers())
    return { docker, stop: () => daemon.stop().then(restoreForwarding) }
  } catch (thrown) {
    if (!daemon.hasEnded) await daemon.stop()
    await restoreForwarding()
    return refusalOf(thrown)
  }
}

/** The Docker of a run that was killed takes its time to stop its machines. */
async function untilLastIsGone(): Promise<void> {
  const pid = existsSync(DOCKER_PID) ? readFileSync(DOCKER_PID, 'utf8').trim() : ''
  for (let waits = 0; waits < STOP_WAITS_MAX && pid && existsSync(`/proc/${pid}`); waits++)
    await Bun.sleep(500)
}

function startDocker(): Daemon {
  const folders = [`--data-root=${DATA}/docker`, `--exec-root=${RUN}/exec`, `--pidfile=${DOCKER_PID}`]
  return new Daemon(
    ['dockerd', '--host', OWN_DOCKER, '--bridge=none', '--log-level=warn', ...folders],
    DOCKER_LOG,
  )
}

/** dockerd says itself what the machine does not let it do; anything else is a mistake of these tests. */
function refusalOf(thrown: unknown): Refusal {
  const words = thrown instanceof Error ? thrown.message : ''
  const said = /failed to start daemon: .+/.exec(words)?.[0]
  if (!said) throw thrown
  const proof = async () => {
    const again = startDocker()
    await expect(again.up(async () => again.hasEnded && Promise.reject())).rejects.toThrow(said)
  }
  return { reason: `dockerd ${said}`, proof }
}
