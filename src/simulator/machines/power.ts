import type { MachineSpec } from '../driver'
import { obey } from './cloud-init'
import { newHostKey } from './host-key'
import { type Machine, type Pace, settled, spread, withConsole } from './machine'

const FIRST_BOOT_SSH_MS = 18_000
const FIRST_BOOT_MS = 25_000
const BOOT_SSH_MS = 8_000
const BOOT_MS = 10_000
const APP_BOOT_MS = 3_000

/** A machine at the moment its power comes on for the first time. */
export function newMachine({ serverId, name, ipv4, userData }: MachineSpec, pace: Pace): Machine {
  const { hostKey, log, ...firstBoot } = obey(userData)
  const now = pace.now()
  const lines = ['Booting', ...log.map((line) => `cloud-init: ${line}`), 'cloud-init: finished']
  return {
    ...firstBoot,
    id: serverId,
    name,
    ipv4,
    power: 'on',
    paused: false,
    sshUpAt: now + pace.lasts(FIRST_BOOT_SSH_MS),
    readyAt: now + pace.lasts(FIRST_BOOT_MS),
    hostKey: hostKey ?? newHostKey(),
    nextHostKey: null,
    console: spread(lines, now, pace.lasts(FIRST_BOOT_MS)),
    settings: null,
    app: null,
    holding: null,
    data: { notes: [] },
    restoring: false,
    rotated: {},
    commands: [],
  }
}

/** Power comes on again: what was running before starts by itself. */
export function poweredOn(machine: Machine, pace: Pace): Machine {
  const now = pace.now()
  const readyAt = now + pace.lasts(BOOT_MS)
  return withConsole(
    {
      ...machine,
      power: 'on',
      paused: false,
      sshUpAt: now + pace.lasts(BOOT_SSH_MS),
      readyAt,
      app: machine.app && { ...machine.app, upAt: readyAt + pace.lasts(APP_BOOT_MS) },
    },
    [{ at: now, line: 'Booting' }],
  )
}

/** Power is gone: whatever had not finished never happened. */
export function poweredOff(machine: Machine, now: number): Machine {
  const settledMachine = settled(machine, now)
  return {
    ...settledMachine,
    power: 'off',
    paused: false,
    coming: [],
    console: settledMachine.console.filter((line) => line.at <= now),
    commands: settledMachine.commands.filter(({ endsAt }) => endsAt !== null && endsAt <= now),
  }
}
