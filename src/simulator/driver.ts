/**
 * What stands behind the simulated Hetzner: `sim` machines in this process today, real containers later.
 * Calls return at once; the machine's own boot takes its time.
 */
export interface MachineDriver {
  create(machine: MachineSpec): void
  powerOn(serverId: string): void
  powerOff(serverId: string): void
  reboot(serverId: string): void
  delete(serverId: string): void
}

export type MachineSpec = {
  serverId: string
  name: string
  ipv4: string
  image: string
  userData: string
  /** Public keys that the cloud hands over in the machine's metadata. */
  sshKeys: string[]
}
