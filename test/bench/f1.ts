/**
 * F1: a deploy to 200 machines with a real sshd each, by Atlas and by `xargs -P 10 ssh`, side by side.
 *
 * A deploy is what Atlas's recipe asks of a machine: `status`, `deploy`, `status`, each with JSON on standard input.
 * Atlas asks over the connections of `createMachines`, for as many machines at once as a rollout works on by
 * default; the loop starts `ssh` for each command, as a script does, for as many machines at once. Waves, bakes and
 * the bound on failures in flight are left out: they are waits on purpose. Both check every host key, both open their
 * first connection in each round, and what a machine does (stand-in-agent.sh) is the same work for both.
 *
 * CPU is user plus system time: of this whole process while it deploys (its garbage collector and compiler too, its
 * start not, as Atlas runs all the time), against that of xargs with every shell and `ssh` that it waited for, as the
 * kernel adds them up. What the sshds and their commands take is in neither, though all share the cores meanwhile.
 * `ssh` is left with its own defaults: of what OpenSSH 9 takes, five sixths are the post-quantum key exchange that
 * ssh2 lacks.
 */
import { join } from 'node:path'
import { SystemClock } from '../../src/clock.ts'
import type { MachineTarget } from '../../src/providers/machines.ts'
import { commandInput, commandLine } from '../../src/providers/ssh/command.ts'
import { createMachines } from '../../src/providers/ssh.ts'
import { DEFAULT_STRATEGY } from '../../src/rollouts/strategy.ts'
import type { Result } from './run.ts'
import { type Machines, withMachines } from './sshd.ts'

const loopAtOnce = 10
const warmUpOfLoop = 20
const wallRatioMax = 1 / 3
const cpuRatioMax = 1 / 10

/** What a deploy to all machines took, in milliseconds. */
export type Cost = { wallMs: number; cpuMs: number }
export type Round = { atlas: Cost; loop: Cost }
type Way = (machines: Machines, release: string) => Promise<Cost>

export async function measure({ machines: count = 200, rounds = 3 } = {}): Promise<Result> {
  return withMachines(count, async (machines) => {
    await byAtlas(machines, 'warm-up')
    await byLoop({ ...machines, targets: machines.targets.slice(0, warmUpOfLoop) }, 'warm-up-of-the-loop')
    const costs: Round[] = []
    for (let round = 1; round <= rounds; round++) costs.push(await bothWays(machines, round))
    return judge(costs)
  })
}

/** The verdict on these rounds: the median of what each of them came to. */
export function judge(rounds: readonly Round[]): Result {
  const wallRatio = median(rounds.map(({ atlas, loop }) => atlas.wallMs / loop.wallMs))
  const cpuRatio = median(rounds.map(({ atlas, loop }) => atlas.cpuMs / loop.cpuMs))
  return {
    line: `wall_ratio=${wallRatio.toFixed(3)} cpu_ratio=${cpuRatio.toFixed(3)}`,
    pass: wallRatio <= wallRatioMax && cpuRatio <= cpuRatioMax,
  }
}

/** Atlas's own way. Throws what it throws. */
export async function byAtlas(machines: Machines, release: string): Promise<Cost> {
  const { user, port, privateKey, targets } = machines
  const client = createMachines({ user, port, privateKey, clock: new SystemClock() })
  const waiting = targets.values()
  const deployer = async () => {
    for (const target of waiting) for (const command of commandsOf(release)) await client.run(target, command)
  }
  const before = process.cpuUsage()
  const startedAt = performance.now()
  try {
    await Promise.all(Array.from({ length: DEFAULT_STRATEGY.concurrency }, deployer))
    const wallMs = performance.now() - startedAt
    const { user, system } = process.cpuUsage(before)
    return { wallMs, cpuMs: (user + system) / 1_000 }
  } finally {
    client.close()
  }
}

/** What people write today. Throws what `ssh` said when it could not do all of it. */
export async function byLoop(machines: Machines, release: string): Promise<Cost> {
  const script = await writeLoop(machines, release)
  const addresses = machines.targets.map(({ address }) => `${address}\n`).join('')
  const startedAt = performance.now()
  const loop = Bun.spawn(['xargs', '-P', String(loopAtOnce), '-n', '1', 'sh', '-c', script], {
    cwd: machines.folder,
    stdin: new Blob([addresses]),
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [, said, exitCode] = await Promise.all([loop.stdout.text(), loop.stderr.text(), loop.exited])
  const wallMs = performance.now() - startedAt
  if (exitCode !== 0) throw new Error(`xargs ended with ${exitCode}: ${said}`)
  return { wallMs, cpuMs: Number(loop.resourceUsage()?.cpuTime.total) / 1_000 }
}

/** Who goes first changes from round to round. */
async function bothWays(machines: Machines, round: number): Promise<Round> {
  const atlas = () => checked(byAtlas, machines, `v${round}-by-atlas`)
  const loop = () => checked(byLoop, machines, `v${round}-by-loop`)
  if (round % 2 === 1) return { atlas: await atlas(), loop: await loop() }
  const first = await loop()
  return { atlas: await atlas(), loop: first }
}

async function checked(way: Way, machines: Machines, release: string): Promise<Cost> {
  const cost = await way(machines, release)
  const missed = machines.targets.filter((target) => machines.releaseOf(target) !== release)
  if (missed.length > 0) throw new Error(`${missed.length} machines do not run ${release}`)
  return cost
}

function commandsOf(release: string) {
  const image = (tag: string) => ({ image: `ghcr.io/example/app:${tag}`, digest: `sha256:${'0'.repeat(64)}` })
  const deploy = {
    release,
    images: [image(release)],
    former: { release: 'former', images: [image('former')] },
    health: { path: '/health', expect_status: 200, answers: 3, timeout_seconds: 600 },
  }
  return [
    { verb: 'status' as const, commandId: `${release}-before`, input: {} },
    { verb: 'deploy' as const, commandId: `${release}-deploy`, input: deploy },
    { verb: 'status' as const, commandId: `${release}-after`, input: {} },
  ]
}

/** The shell's words for one machine, whose address is `$0`; what they read is written beside them. */
async function writeLoop({ folder, user, port, targets }: Machines, release: string): Promise<string> {
  await Bun.write(join(folder, 'known_hosts'), targets.map((target) => knownHost(target, port)).join(''))
  const options = [
    'BatchMode=yes',
    'StrictHostKeyChecking=yes',
    'UserKnownHostsFile=known_hosts',
    'ControlMaster=no',
  ]
  // Whose machine this is has no say: no settings of theirs, no keys of theirs.
  const own = ['-F', 'none', '-i', 'key', '-o', 'IdentitiesOnly=yes', '-o', 'GlobalKnownHostsFile=/dev/null']
  const ssh = ['ssh', ...own, ...options.flatMap((option) => ['-o', option]), '-p', port, '-l', user].join(
    ' ',
  )
  const commands = commandsOf(release)
  for (const { commandId, input } of commands)
    await Bun.write(join(folder, `${commandId}.json`), commandInput(input))
  return commands
    .map((command) => `${ssh} "$0" '${commandLine(command)}' <${command.commandId}.json`)
    .join(' && ')
}

function knownHost({ address, hostKeys }: MachineTarget, port: number): string {
  return hostKeys.map((key) => `[${address}]:${port} ${key}\n`).join('')
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!
}
