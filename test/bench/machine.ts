import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, release, totalmem, type } from 'node:os'

/** One line that says what the figures were measured on. */
export function machineFacts(): string {
  const memory = `${Math.round(totalmem() / 2 ** 30)} GB`
  return `machine: ${availableParallelism()} x ${cpus()[0]?.model.trim() ?? 'unknown'}, ${memory}, ${system()}, bun ${Bun.version}`
}

/** The resident memory of a process, in megabytes of 10^6 bytes. Throws when there is no such process. */
export function residentMb(pid: number): number {
  const kilobytes =
    process.platform === 'linux'
      ? readFileSync(`/proc/${pid}/status`, 'utf8').match(/^VmRSS:\s+(\d+) kB/m)?.[1]
      : Bun.spawnSync(['ps', '-o', 'rss=', '-p', String(pid)])
          .stdout.toString()
          .trim()
  if (!kilobytes) throw new Error(`process ${pid} has no memory to measure`)
  return (Number(kilobytes) * 1024) / 1e6
}

function system(): string {
  const kernel = `${type()} ${release()}`
  if (process.platform !== 'linux') return kernel
  const name = readFileSync('/etc/os-release', 'utf8').match(/^PRETTY_NAME="?([^"\n]+)/m)?.[1]
  return `${name ?? 'Linux'} (${kernel})`
}
