/** What Atlas asks of a tenant's server over SSH; `ssh.ts` is the real client. */
export interface Machines {
  /**
   * Runs one verb of the agent and resolves to its result. The same command id never runs twice: the agent
   * attaches to the running or finished command and gives the same output and result.
   * Throws what the agent refused with its own code (vendorCode `agent_<code>`, and in `facts` whatever else it said),
   * `conflict` with vendorCode `host_key_mismatch` before anything is sent when the host key is none of
   * the pinned ones, `unavailable` when the server cannot be reached or the connection broke.
   */
  run(target: MachineTarget, command: AgentCommand, options?: RunOptions): Promise<AgentReply>
  /** Closes the kept connections to a server, or all of them. */
  close(address?: string): void
}

export type MachineTarget = {
  address: string
  /** OpenSSH public keys (`ssh-ed25519 AAAA...`), any of which the server may show. */
  hostKeys: string[]
}

export type AgentVerb =
  | 'status'
  | 'host-key'
  | 'settings'
  | 'start'
  | 'stop'
  | 'logs'
  | 'backup'
  | 'restore'
  | 'rotate'
  | 'deploy'
  | 'update'

export type AgentCommand = {
  verb: AgentVerb
  /** Lower case letters, digits, `-` and `_`, 1 to 64. */
  commandId: string
  input: Record<string, unknown>
}

export type RunOptions = { timeoutMs?: number; onLog?: (line: string) => void }

export type AgentReply = {
  result: Record<string, unknown>
  /** The host key that the server showed, as an OpenSSH public key. */
  hostKey: string
}
