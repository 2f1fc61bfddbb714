import type { MachineSpec } from '../driver'
import { type Machine, type Pace, settled } from './machine'
import { newMachine, poweredOff, poweredOn } from './power'

/** What is on a machine's disk; the rest of it is the cloud's, or gone with the power. */
type Disk = Pick<Machine, (typeof ON_DISK)[number]>

const ON_DISK = [
  'hostKey',
  'nextHostKey',
  'logins',
  'files',
  'sites',
  'marked',
  'settings',
  'app',
  'pulled',
  'holding',
  'data',
  'restoring',
  'rotated',
  'commands',
] as const

/** A copy of the disk at this moment. */
export function diskOf(machine: Machine, now: number): string {
  const still = settled(machine, now)
  const entries = ON_DISK.map((part) => [part, still[part]] as const)
  const commands = still.commands.filter(({ endsAt }) => endsAt !== null && endsAt <= now)
  return JSON.stringify({ ...Object.fromEntries(entries), commands })
}

/** The machine with another disk in place of its own, booting. */
export function rebuilt(machine: Machine, disk: string, pace: Pace): Machine {
  return poweredOn({ ...poweredOff(machine, pace.now()), ...(JSON.parse(disk) as Disk) }, pace)
}

/**
 * A new machine, of a copied disk when its spec has one. cloud-init takes that for a machine of its own and obeys the
 * user-data once more: logins and host key are those it brings.
 */
export function createdMachine(spec: MachineSpec, pace: Pace): Machine {
  const fresh = newMachine(spec, pace)
  if (!spec.disk) return fresh
  const disk = JSON.parse(spec.disk) as Disk
  const { hostKey, readyAt, logins, files, sites } = fresh
  return {
    ...fresh,
    ...disk,
    hostKey,
    nextHostKey: null,
    logins: logins.length > 0 ? logins : disk.logins,
    files: files.length > 0 ? files : disk.files,
    sites: sites.length > 0 ? sites : disk.sites,
    marked: fresh.marked || disk.marked,
    app: disk.app && { ...disk.app, upAt: readyAt },
  }
}
