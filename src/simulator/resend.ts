import { createHash } from 'node:crypto'
import type { Fault } from './faults'
import { Rate } from './rate'
import { type Message, Refusal, readMessage } from './resend/message'
import type { Twin } from './twin'
import type { World } from './world'

export type ResendOptions = {
  apiKey: string
  /** Verified sending domains; every domain is when absent. */
  domains?: string[]
  /** Resend allows two requests a second and team; no limit when absent. */
  requestsPerSecond?: number
}

/** An accepted mail as the world keeps it. */
export type StoredMail = Message & {
  id: string
  /** Counts the accepted mails, so that they have an order. */
  number: number
  createdAtMs: number
  idempotencyKey?: string
}

type KeptKey = { id: string; bodyHash: string; mailId: string; expiresAtMs: number }

const KEY_KEPT_MS = 24 * 60 * 60 * 1000

/** Resend's email API: what is accepted lands in the simulator's mailbox at once. */
export class ResendTwin implements Twin {
  readonly name = 'resend'
  readonly prefix = '/resend'
  private readonly rate: Rate
  private readonly inProgress = new Set<string>()

  constructor(
    private readonly world: World,
    private readonly options: ResendOptions,
  ) {
    this.rate = new Rate(world, options.requestsPerSecond)
  }

  verbOf(request: Request): string {
    const path = new URL(request.url).pathname.slice(this.prefix.length)
    return `${request.method} ${path.replace(/^\/emails\/.+/, '/emails/{id}')}`
  }

  async handle(request: Request): Promise<Response> {
    const left = this.rate.take()
    try {
      this.authenticate(request)
      if (left < 0) throw new Refusal(429, 'rate_limit_exceeded', TOO_MANY)
      return Response.json(await this.answer(request), { headers: this.limits(left) })
    } catch (thrown) {
      if (!(thrown instanceof Refusal)) throw thrown
      return this.error(thrown.status, thrown.code, thrown.message, left)
    }
  }

  refuse(_request: Request, fault: Fault): Response {
    return this.error(fault.status ?? 429, fault.code ?? 'rate_limit_exceeded', TOO_MANY, -1)
  }

  private async answer(request: Request): Promise<object> {
    switch (this.verbOf(request)) {
      case 'POST /emails':
        return this.sendOnce(request)
      case 'GET /emails/{id}':
        return this.retrieve(new URL(request.url).pathname.split('/').at(-1) ?? '')
    }
    const known = /^\/resend\/emails(\/[^/]+)?$/.test(new URL(request.url).pathname)
    if (known) throw new Refusal(405, 'method_not_allowed', 'Method is not allowed for the requested path.')
    throw new Refusal(404, 'not_found', 'The requested endpoint does not exist.')
  }

  private async sendOnce(request: Request): Promise<{ id: string }> {
    const key = request.headers.get('idempotency-key')
    if (key === null) return this.send(await request.text())
    if (key.length < 1 || key.length > 256) {
      throw new Refusal(400, 'invalid_idempotency_key', 'The key must be between 1-256 chars.')
    }
    if (this.inProgress.has(key)) {
      const message = 'Same idempotency key used while original request is still in progress.'
      throw new Refusal(409, 'concurrent_idempotent_requests', message)
    }
    this.inProgress.add(key)
    try {
      return this.sendUnderKey(key, await request.text())
    } finally {
      this.inProgress.delete(key)
    }
  }

  private sendUnderKey(key: string, body: string): { id: string } {
    const keys = this.world.table<KeptKey>('resend_key')
    const bodyHash = createHash('sha256').update(body).digest('hex')
    const kept = keys.get(key)
    if (kept && kept.expiresAtMs > this.world.now()) {
      if (kept.bodyHash === bodyHash) return { id: kept.mailId }
      const message = 'Same idempotency key used with a different request payload.'
      throw new Refusal(409, 'invalid_idempotent_request', message)
    }
    const { id } = this.send(body, key)
    keys.put({ id: key, bodyHash, mailId: id, expiresAtMs: this.world.now() + KEY_KEPT_MS })
    return { id }
  }

  private send(body: string, idempotencyKey?: string): { id: string } {
    const message = readMessage(body)
    this.requireVerified(message.from)
    const number = this.world.nextNumber('resend_email')
    const id = idOf(number)
    this.mails.put({ id, number, createdAtMs: this.world.now(), ...message, idempotencyKey })
    return { id }
  }

  private retrieve(id: string): object {
    const mail = this.mails.get(id)
    if (!mail) throw new Refusal(404, 'not_found', 'Email not found')
    const { createdAtMs, number: _, headers: __, idempotencyKey: ___, ...shown } = mail
    const created_at = new Date(createdAtMs).toISOString()
    return { object: 'email', ...shown, message_id: messageIdOf(mail), created_at, last_event: 'delivered' }
  }

  private get mails() {
    return this.world.table<StoredMail>('resend_email')
  }

  private authenticate(request: Request): void {
    const header = request.headers.get('authorization')
    if (!header) throw new Refusal(401, 'missing_api_key', 'Missing API key in the authorization header.')
    if (header !== `Bearer ${this.options.apiKey}`)
      throw new Refusal(403, 'invalid_api_key', 'API key is invalid.')
  }

  private requireVerified(from: string): void {
    const domain = from.replace(/>$/, '').split('@').at(-1)?.toLowerCase() ?? ''
    if (!this.options.domains || this.options.domains.includes(domain)) return
    const message = `The ${domain} domain is not verified. Please, add and verify your domain on https://resend.com/domains`
    throw new Refusal(403, 'validation_error', message)
  }

  private limits(left: number): Record<string, string> {
    if (!Number.isFinite(left) || this.rate.perSecond === undefined) return {}
    const headers = { 'ratelimit-limit': `${this.rate.perSecond}`, 'ratelimit-reset': '1' }
    return { ...headers, 'ratelimit-remaining': `${Math.max(0, left)}` }
  }

  private error(statusCode: number, name: string, message: string, left: number): Response {
    const headers: Record<string, string> = this.limits(left)
    if (statusCode === 429) headers['retry-after'] = '1'
    return Response.json({ statusCode, name, message }, { status: statusCode, headers })
  }
}

const TOO_MANY =
  'Too many requests. You can only make 2 requests per second. See rate limit response headers for more information.'

/** The Message-ID header that a mail would leave with. */
export function messageIdOf(mail: StoredMail): string {
  return `<${mail.id}@simulator.invalid>`
}

// A counter under a hash: looks like an id of Resend's and is never given twice, also after a restart.
function idOf(number: number): string {
  const hash = createHash('sha256').update(`resend ${number}`).digest('hex')
  return hash.slice(0, 32).replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12})$/, '$1-$2-4$3-a$4-$5')
}
