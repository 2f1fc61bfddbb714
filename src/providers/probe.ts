/** One question to a tenant's app over its own name, sent to one server's address and to no other. */
export interface Probe {
  get(request: ProbeRequest): Promise<ProbeAnswer>
}

export type ProbeRequest = {
  /** `https://alice.example.com/health`. */
  url: string
  /** The server that must answer. */
  address: string
  timeoutMs: number
}

export type ProbeAnswer =
  | { ok: true; status: number; body: string; tookMs: number }
  /** `reason` is one sentence for the operator: refused, time-out, wrong certificate. */
  | { ok: false; reason: string; tookMs: number }
