import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { MachineDriver, MachineSpec } from '../../src/simulator/driver'
import { type Docker, OURS } from './docker'
import { runProgram } from './program'

export type DockerDriverOptions = {
  docker: Docker
  network: string
  /** Which Docker image a new machine begins as. */
  imageOf: (spec: MachineSpec) => string
  /** Holds what a cloud tells each machine at its boot. */
  folder: string
  /** A file with a certificate authority that machines trust beside the public ones. */
  authority: string
}

/** What a machine's disk is besides the container's own file system: Docker in Docker needs a real one below it. */
const VOLUMES = { docker: '/var/lib/docker', containerd: '/var/lib/containerd' }
const init = join(import.meta.dir, 'image/init')

/** The container of a server. */
export const containerOf = (serverId: string) => `atlas-machine-${serverId}`

/**
 * Real Debian machines behind the simulated Hetzner, each a container with systemd as its first process. Calls return
 * at once, as those to a cloud do; one after the other is carried out.
 */
export class DockerDriver implements MachineDriver {
  private readonly specs = new Map<string, MachineSpec>()
  private work: Promise<unknown> = Promise.resolve()
  private failure: unknown
  private snapshots = 0

  constructor(private readonly options: DockerDriverOptions) {}

  create(spec: MachineSpec): void {
    this.specs.set(spec.serverId, spec)
    this.next(() => this.make(spec, spec.disk))
  }

  powerOn(serverId: string): void {
    this.next(() => this.docker.call('start', containerOf(serverId)))
  }

  /** A power cut: nothing on the machine is told. */
  powerOff(serverId: string): void {
    this.next(() => this.docker.call('stop', '--signal', 'KILL', containerOf(serverId)))
  }

  /** The machine is told to shut down, and starts again. */
  reboot(serverId: string): void {
    this.next(() => this.docker.call('restart', '--time', '30', containerOf(serverId)))
  }

  /** Nothing on the machine is told, and power comes back at once. */
  cutPower(serverId: string): void {
    this.next(() => this.docker.call('restart', '--signal', 'KILL', containerOf(serverId)))
  }

  delete(serverId: string): void {
    this.specs.delete(serverId)
    this.next(async () => {
      await this.remove(containerOf(serverId))
      rmSync(this.seedFolder(serverId), { recursive: true, force: true })
    })
  }

  snapshot(serverId: string): string {
    const disk = `atlas-disk-${++this.snapshots}`
    this.next(async () => {
      await this.docker.call('commit', '--change', `LABEL ${OURS}=1`, containerOf(serverId), disk)
      await this.copyVolumes(containerOf(serverId), disk)
    })
    return disk
  }

  rebuild(serverId: string, disk: string): void {
    const spec = this.specs.get(serverId)
    if (!spec) throw new Error(`there is no machine ${serverId}`)
    this.next(async () => {
      await this.remove(containerOf(serverId))
      await this.make(spec, disk)
    })
  }

  /** Resolves when everything that was asked for is done. Throws what went wrong with the first that was not. */
  async settled(): Promise<void> {
    await this.work
    if (this.failure) throw this.failure
  }

  private get docker() {
    return this.options.docker
  }

  private next(action: () => Promise<unknown>): void {
    this.work = this.work.then(action).catch((thrown) => {
      this.failure ??= thrown
    })
  }

  private async make(spec: MachineSpec, disk?: string): Promise<void> {
    const { docker, network, imageOf, authority } = this.options
    const container = containerOf(spec.serverId)
    const image = disk ?? imageOf(spec)
    for (const volume of Object.keys(VOLUMES))
      await docker.call('volume', 'create', '--label', `${OURS}=1`, `${container}-${volume}`)
    if (disk) await this.copyVolumes(disk, container)
    const mounts = Object.entries(VOLUMES).map(([volume, path]) => `${container}-${volume}:${path}`)
    const told = [
      `${this.tell(spec)}:/var/lib/cloud/seed/nocloud:ro`,
      `${authority}:/usr/local/share/ca-certificates/machine.crt:ro`,
      `${init}:/sbin/machine-init:ro`,
    ]
    await docker.call(
      ...['run', '--detach', '--label', `${OURS}=1`, '--name', container, '--hostname', spec.name],
      ...['--network', network, '--ip', spec.ipv4, '--stop-signal', 'SIGRTMIN+3'],
      ...ALLOWED,
      ...[...mounts, ...told].flatMap((mount) => ['--volume', mount]),
      ...[image, '/sbin/machine-init'],
    )
  }

  /** Writes what cloud-init finds as its NoCloud seed: https://docs.cloud-init.io/en/latest/reference/datasources/nocloud.html */
  private tell({ serverId, name, userData, sshKeys }: MachineSpec): string {
    const folder = this.seedFolder(serverId)
    mkdirSync(folder, { recursive: true })
    const metaData = { 'instance-id': serverId, 'local-hostname': name, 'public-keys': sshKeys }
    writeFileSync(join(folder, 'meta-data'), JSON.stringify(metaData))
    writeFileSync(join(folder, 'user-data'), userData, { mode: 0o600 })
    return folder
  }

  private seedFolder(serverId: string): string {
    return join(this.options.folder, serverId)
  }

  private async copyVolumes(from: string, to: string): Promise<void> {
    for (const volume of Object.keys(VOLUMES)) {
      await this.docker.call('volume', 'create', '--label', `${OURS}=1`, `${to}-${volume}`)
      const [source, target] = [await this.place(`${from}-${volume}`), await this.place(`${to}-${volume}`)]
      await runProgram(['cp', '--archive', `${source}/.`, target])
    }
  }

  private place(volume: string): Promise<string> {
    return this.docker.call('volume', 'inspect', '--format', '{{.Mountpoint}}', volume)
  }

  private async remove(container: string): Promise<void> {
    await this.docker.call('rm', '--force', container)
    const volumes = Object.keys(VOLUMES).map((volume) => `${container}-${volume}`)
    await this.docker.call('volume', 'rm', '--force', ...volumes)
  }
}

/** What a container needs to be a machine: systemd, its own cgroups, its own firewall, Docker within. */
const ALLOWED = [
  ...['--cap-add', 'ALL', '--cap-drop', 'SYS_RESOURCE', '--cgroupns', 'private'],
  ...['seccomp', 'apparmor', 'systempaths'].flatMap((guard) => ['--security-opt', `${guard}=unconfined`]),
  ...['--device-cgroup-rule', 'a *:* rwm'],
  ...['/run:exec', '/run/lock', '/tmp:exec'].flatMap((path) => ['--tmpfs', path]),
]
