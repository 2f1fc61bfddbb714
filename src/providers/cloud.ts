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
  getSshKey(idOrName: string): Promise<{ id: string; name: string; fingerprint: string } | null>
  /** Server types that can be ordered now. */
  listServerTypes(): Promise<ServerType[]>
  listLocations(): Promise<{ name: string; city: string; country: string }[]>
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
  serverType: string
  location: string
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
  /** Net monthly price by location, in EUR cents. */
  monthlyCents: Record<string, number>
}
