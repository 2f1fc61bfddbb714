/**
 * What stands behind the simulated Hetzner: `sim` machines in this process, or real ones in the tests that have them.
 * Calls return at once; the machine's own boot takes its time.
 */
export interface MachineDriver {
  create(machine: MachineSpec): void
  powerOn(serverId: string): void
  powerOff(serverId: string): void
  reboot(serverId: string): void
  delete(serverId: string): void
  /** What is on the machine's disk now, as a text that only `rebuild` and `create` need to understand. */
  snapshot(serverId: string): string
  /**
   * Puts the contents of a disk, from `snapshot` of this or another machine, in place of the machine's own, and
   * boots it. Name and address stay the machine's; its host keys are those of the disk.
   */
  rebuild(serverId: string, disk: string): void
}

export type MachineSpec = {
  serverId: string
  name: string
  ipv4: string
  image: string
  userData: string
  /** Public keys that the cloud hands over in the machine's metadata. */
  sshKeys: string[]
  /** What is on its disk, from `snapshot`, when it is made of a snapshot or backup. A fresh system when absent. */
  disk?: string
}
