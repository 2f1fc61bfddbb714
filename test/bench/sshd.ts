import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { remedy, tools } from '../../scripts/tools.ts'
import type { MachineTarget } from '../../src/providers/machines.ts'
import { generateHostKey } from '../../src/providers/ssh/keys.ts'
import { freePort } from './binary.ts'

const startTimeoutMs = 60_000
const agent = join(import.meta.dir, 'stand-in-agent.sh')

/** Machines with an sshd each, and what a client needs to log in to them. */
export type Machines = {
  /** Holds the client's private key as `key`. */
  folder: string
  user: string
  port: number
  privateKey: string
  targets: MachineTarget[]
  /** What the machine was last told to run. */
  releaseOf: (target: MachineTarget) => string
}

/**
 * Starts so many real sshds, each with a loopback address and a host key of its own, whose only command is the
 * stand-in agent, and ends them when `use` is done or this process is told to stop. Throws where there is no sshd.
 */
export async function withMachines<T>(count: number, use: (machines: Machines) => Promise<T>): Promise<T> {
  const sshd = findSshd()
  const folder = mkdtempSync(join(tmpdir(), 'atlas-bench-sshd-'))
  const separation = makeSeparationFolder()
  const daemons: Bun.Subprocess[] = []
  const end = () => {
    for (const daemon of daemons) daemon.kill()
    rmSync(folder, { recursive: true, force: true })
    if (separation) rmdirSync(separation)
  }
  const stop = () => process.exit(1)
  process.once('exit', end).once('SIGINT', stop).once('SIGTERM', stop)
  try {
    const machines = writeMachines(folder, count)
    const log = join(folder, 'log')
    for (const { address } of machines.targets) daemons.push(start(sshd, join(folder, address), log))
    await untilAllListen(daemons, log)
    return await use(machines)
  } finally {
    process.off('exit', end).off('SIGINT', stop).off('SIGTERM', stop)
    end()
    await Promise.all(daemons.map(({ exited }) => exited))
  }
}

function start(sshd: string, machine: string, log: string): Bun.Subprocess {
  const argv = [sshd, '-D', '-f', join(machine, 'sshd_config'), '-E', log]
  return Bun.spawn(argv, { stdin: 'ignore', stdout: 'ignore', stderr: 'ignore' })
}

function findSshd(): string {
  const sshd = tools.sshd.find()
  // Elsewhere 127.0.0.1 is the only address of the loopback.
  if (process.platform !== 'linux') throw new Error('many machines on one loopback need Linux')
  if (!sshd) throw new Error(`there is no sshd: ${remedy(tools.sshd)}`)
  return sshd
}

/** Where root's sshd locks itself in before a login; Debian makes it when the service starts. */
function makeSeparationFolder(): string | undefined {
  return process.getuid?.() === 0 ? mkdirSync('/run/sshd', { recursive: true, mode: 0o755 }) : undefined
}

function writeMachines(folder: string, count: number): Machines {
  const port = freePort()
  const { privateKey, publicKey } = generateHostKey()
  writeFileSync(join(folder, 'key'), privateKey, { mode: 0o600 })
  const targets = Array.from({ length: count }, (_, number) => {
    const address = `127.200.${number >> 7}.${(number & 127) + 1}`
    return { address, hostKeys: [writeMachine(join(folder, address), `${address}:${port}`, publicKey)] }
  })
  return {
    folder,
    user: Bun.spawnSync(['id', '-un']).stdout.toString().trim(),
    port,
    privateKey,
    targets,
    releaseOf: ({ address }) => readFileSync(join(folder, address, 'release'), 'utf8').trim(),
  }
}

/** Returns the public half of the machine's host key. */
function writeMachine(folder: string, listenAddress: string, clientKey: string): string {
  const host = generateHostKey()
  const command = `${agent} ${folder} \\"$SSH_ORIGINAL_COMMAND\\"`
  const config = [
    `ListenAddress ${listenAddress}`,
    `HostKey ${folder}/host_key`,
    `AuthorizedKeysFile ${folder}/authorized_keys`,
    'AuthenticationMethods publickey',
    'PidFile none',
    'UsePAM no',
    // It would not read keys under a folder that everybody may write to, such as /tmp.
    'StrictModes no',
    // A login shell may read start-up files there that have nothing to do with the machine.
    `SetEnv HOME=${folder}`,
  ]
  mkdirSync(folder)
  writeFileSync(join(folder, 'host_key'), host.privateKey, { mode: 0o600 })
  writeFileSync(join(folder, 'authorized_keys'), `command="${command}",restrict ${clientKey}\n`)
  writeFileSync(join(folder, 'sshd_config'), `${config.join('\n')}\n`)
  writeFileSync(join(folder, 'release'), 'none\n')
  return host.publicKey
}

// Not by connecting: newer sshds punish who connects and says nothing.
async function untilAllListen(daemons: readonly Bun.Subprocess[], log: string): Promise<void> {
  const deadlineMs = performance.now() + startTimeoutMs
  const said = () => Bun.file(log).text()
  while (!(await listening(log, daemons.length))) {
    if (daemons.some(({ exitCode }) => exitCode !== null)) throw new Error(`an sshd ended: ${await said()}`)
    if (performance.now() > deadlineMs) throw new Error(`not every sshd listens: ${await said()}`)
    await Bun.sleep(20)
  }
}

async function listening(log: string, count: number): Promise<boolean> {
  const file = Bun.file(log)
  return (await file.exists()) && (await file.text()).split('Server listening on').length > count
}
