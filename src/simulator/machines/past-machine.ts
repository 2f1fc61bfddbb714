import { type FirstBoot, obey } from './cloud-init'
import { newHostKey } from './host-key'
import type { Machine } from './machine'
import { digestOf } from './release'
import { servicesOf, settingsOf } from './settings'

/** What many machines have in common: read once, as parsing YAML for each would take minutes. */
export type MachineModel = { firstBoot: FirstBoot; compose: string; services: string[] }

/** A machine that booted a while ago and has run its app ever since. */
export type PastMachine = {
  serverId: string
  name: string
  ipv4: string
  /** The name that its web server answers to. */
  site: string
  env: Record<string, string>
  release: string
  /** UTC milliseconds. */
  bootedAt: number
}

export function modelOf(userData: string, compose: string): MachineModel {
  return { firstBoot: obey(userData), compose, services: servicesOf(compose) }
}

/** The machine as it is now, with a host key that it made itself. */
export function pastMachine(model: MachineModel, past: PastMachine): Machine {
  const { hostKey: _first, log: _log, ...boot } = model.firstBoot
  const { bootedAt, release } = past
  const said = ['Booting', 'cloud-init: finished', `Starting release ${release}`]
  return {
    ...boot,
    id: past.serverId,
    name: past.name,
    ipv4: past.ipv4,
    power: 'on',
    paused: false,
    sshUpAt: bootedAt,
    readyAt: bootedAt,
    hostKey: newHostKey(),
    nextHostKey: null,
    sites: [past.site],
    console: said.map((line) => ({ at: bootedAt, line })),
    settings: settingsOf(model.compose, model.services, past.env),
    app: { release, digest: digestOf(release), upAt: bootedAt, stopped: false },
    starting: null,
    holding: null,
    data: { notes: [] },
    restoring: false,
    rotated: {},
    commands: [],
  }
}
