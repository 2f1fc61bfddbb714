import type { Fault } from './faults'

/** A provider's local double, spoken to over the provider's own wire protocol. */
export interface Twin {
  /** `stripe`, `hetzner`, `route53`, `resend`, `s3`: the name that faults and the journal use. */
  readonly name: string
  /** The path it answers under, such as `/hetzner/v1`. */
  readonly prefix: string
  /** The operation that a request asks for, such as `POST /servers` or `ChangeResourceRecordSets`. */
  verbOf(request: Request): string
  handle(request: Request): Promise<Response>
  /** The vendor's own error body for an injected refusal. */
  refuse(request: Request, fault: Fault): Response
}

/** One call as it went over the wire, for the journal and for the contract tests. */
export type Exchange = {
  at: number
  provider: string
  verb: string
  method: string
  /** Path and query as the vendor would see them (without the twin's prefix). */
  path: string
  requestHeaders: Record<string, string>
  requestBody: string
  /** 0 when the reply was lost. */
  status: number
  responseHeaders: Record<string, string>
  responseBody: string
}
