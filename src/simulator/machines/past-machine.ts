import type { Pulled } from '../registry'
import { type FirstBoot, obey } from './cloud-init'
import { newHostKey } from './host-key'
import type { Machine } from './machine'
import { digestOf } from './pull'
import { type ComposeFacts, factsOf, RELEASE_LEFT_OPEN, settingsOf } from './settings'

/** What many machines have in common: read once, as parsing YAML for each would take minutes. */
export type MachineModel = ComposeFacts & { firstBoot: FirstBoot; compose: string }

/** A machine that booted a while ago and has run its app ever since. */
export type PastMachine = {
  serverId: string
  name: string
  ipv4: string
  /** The name that its web server answers to. */
  site: string
  env: Record<string, string>
  release: string
  /** What the registry has under that release. */
  image?: Pulled
  /** UTC milliseconds. */
  bootedAt: number
}

/** Reads what machines with this user-data and this compose.yaml have in common. */
export function modelOf(userData: string, compose: string): MachineModel {
  return { firstBoot: obey(userData), compose, ...factsOf(compose) }
}

/** The name of the image that a machine runs. */
export function imageOf({ image, compose, services }: MachineModel, { env, release }: PastMachine): string {
  return settingsOf(compose, { image, services }, env).image?.replace(RELEASE_LEFT_OPEN, release) ?? ''
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
    settings: settingsOf(model.compose, model, past.env),
    app: { release, digest: digestOf(release), upAt: bootedAt, stopped: false, ...past.image },
    holding: null,
    data: { notes: [], schema: past.image?.schema },
    restoring: false,
    rotated: {},
    commands: [],
  }
}
