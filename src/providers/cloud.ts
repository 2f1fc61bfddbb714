/** What Atlas asks of a cloud, in Hetzner's words; `hetzner.ts` is the real client. */
export interface Cloud {
  /** Finds the firewall by name, or creates it. */
  ensureFirewall(spec: FirewallSpec): Promise<{ id: string }>
  /**
   * Finds the server by its name, or creates it. A server of that name without these labels is somebody
   * else's: `conflict`. The answer comes before the server runs; wait for its actions.
   */
  ensureServer(spec: ServerSpec): Promise<{ server: CloudServer; actionIds: string[]; created: boolean }>
  /** The server, or null when it is gone. */
  getServer(serverId: string): Promise<CloudServer | null>
  /** All servers with these labels, every page. */
  listServers(labels: Record<string, string>): Promise<CloudServer[]>
  /** Deletes the server; resolves to null when it was gone already. */
  deleteServer(serverId: string): Promise<{ actionId: string | null } | null>
  /** Many actions in one request. An action that the cloud has forgotten is left out. */
  getActions(actionIds: string[]): Promise<CloudAction[]>
  /** Switches the server on; resolves to null when it is on already. */
  powerOn(serverId: string): Promise<CloudStart | null>
  /**
   * Asks its operating system to stop; resolves to null when it is off already. The action ends when it was asked:
   * the server is off a while later, or never when it takes no notice. Look at it, and cut the power in the end.
   */
  shutdown(serverId: string): Promise<CloudStart | null>
  /** Cuts the power; resolves to null when it is off already. */
  powerOff(serverId: string): Promise<CloudStart | null>
  /**
   * Changes the type of a server that is off and keeps its disk as small as it is, so that a way back stays.
   * Resolves to null when it has that type already.
   */
  changeServerType(serverId: string, serverType: string): Promise<CloudStart | null>
  /**
   * Puts an image's disk in place of the server's own, which is lost, and starts it. The address stays. One that
   * runs already is the answer, but one that has ended is not noticed: remember its action.
   */
  rebuildServer(serverId: string, imageId: string): Promise<CloudStart>
  /**
   * Turns the cloud's own daily backups on or off; resolves to null when they are as wanted. Off deletes those that
   * were made, as does deleting the server.
   */
  setBackups(serverId: string, enabled: boolean): Promise<CloudStart | null>
  /**
   * Finds the snapshot that has these labels, or makes one of the server. Labels must name the one occasion, such
   * as the run: an image has no name that the cloud would keep unique. It is not ready before its action ended.
   */
  ensureImage(serverId: string, spec: ImageSpec): Promise<{ image: CloudImage; actionId: string | null }>
  getImage(imageId: string): Promise<CloudImage | null>
  /** Snapshots with these labels and the backups of any server, every page. */
  listOwnImages(labels: Record<string, string>): Promise<CloudImage[]>
  /** Harmless when it is gone already. */
  deleteImage(imageId: string): Promise<void>
  /** Every primary IP of the project, every page: those that came with a server carry no labels. */
  listPrimaryIps(): Promise<PrimaryIp[]>
  /** Gives an address back that no server has. Harmless when it is gone; `conflict` while it is assigned. */
  deletePrimaryIp(primaryIpId: string): Promise<void>
  /** Volumes with these labels, every page. */
  listVolumes(labels: Record<string, string>): Promise<CloudVolume[]>
  /** Deletes a volume that no server has. Harmless when it is gone; `conflict` while it is attached. */
  deleteVolume(volumeId: string): Promise<void>
  getSshKey(idOrName: string): Promise<{ id: string; name: string; fingerprint: string } | null>
  /** Server types that can be ordered now. */
  listServerTypes(): Promise<ServerType[]>
  listLocations(): Promise<{ name: string; city: string; country: string }[]>
  /** What keeping things costs, whoever has them. */
  getPrices(): Promise<CloudPrices>
  /** System images that are not deprecated. */
  listImages(): Promise<{ name: string; architecture: 'x86' | 'arm' }[]>
}

export type FirewallSpec = {
  name: string
  labels: Record<string, string>
  rules: { protocol: 'tcp' | 'udp' | 'icmp'; port?: string; sourceIps: string[]; description?: string }[]
}

export type ServerSpec = {
  name: string
  serverType: string
  location: string
  image: string
  userData: string
  sshKeyIds: string[]
  firewallId: string
  labels: Record<string, string>
}

export type CloudServer = {
  id: string
  name: string
  status: string
  ipv4: string | null
  ipv6: string | null
  /** The primary IPs' own ids, which outlive the addresses' assignment. */
  ipv4Id: string | null
  ipv6Id: string | null
  serverType: string
  location: string
  /** What its disk has now, which may be less than its type offers. */
  diskGb: number
  /** Whether the cloud makes daily backups of it. */
  backups: boolean
  labels: Record<string, string>
  createdAt: number
}

/** Something that the cloud has begun; follow it with `getActions`. */
export type CloudStart = { actionId: string }

export type ImageSpec = { description: string; labels: Record<string, string> }

export type CloudImage = {
  id: string
  type: 'snapshot' | 'backup'
  status: 'creating' | 'available' | 'unavailable'
  description: string
  /** Compressed; null while it is made. */
  sizeGb: number | null
  /** The server it was made of. */
  serverId: string | null
  labels: Record<string, string>
  createdAt: number
}

export type PrimaryIp = {
  id: string
  ip: string
  type: 'ipv4' | 'ipv6'
  /** The server that has it; null when none does, and then it costs money for nothing. */
  serverId: string | null
  location: string
  labels: Record<string, string>
  createdAt: number
}

export type CloudVolume = {
  id: string
  name: string
  sizeGb: number
  serverId: string | null
  labels: Record<string, string>
  createdAt: number
}

export type CloudAction = {
  id: string
  command: string
  status: 'running' | 'success' | 'error'
  /** Percent. */
  progress: number
  error: { code: string; message: string } | null
}

export type ServerType = {
  name: string
  cores: number
  memoryGb: number
  diskGb: number
  cpuType: 'shared' | 'dedicated'
  architecture: 'x86' | 'arm'
  /** Names of the locations where it can be ordered. */
  locations: string[]
  /** Net monthly price by location, in cents of the account's currency. */
  monthlyCents: Record<string, number>
}

/** Net monthly prices, in cents of the account's currency. */
export type CloudPrices = {
  /** `eur`, as Stripe spells currencies. */
  currency: string
  /** Of a primary IP, by location. */
  addressCents: Record<PrimaryIp['type'], Record<string, number>>
  /** Of a gigabyte; these are fractions. */
  imageGbCents: number
  volumeGbCents: number
}
