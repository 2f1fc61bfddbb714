import type { Clock } from '../clock'
import { asAtlasError } from '../errors'
import type { Output } from './output'

export type Addresses = Record<'shop' | 'dashboard' | 'mailbox' | 'simulator', string>

const PART_CHARS = 13

/** What the demo says: aligned lines for people, or every line as JSON for programs. */
export class Voice {
  private readonly startedAt: number

  constructor(
    private readonly io: Output,
    private readonly json: boolean,
    private readonly clock: Clock,
  ) {
    this.startedAt = clock.now()
  }

  /** One part of what happens, with the seconds since the start. */
  tell(part: string, detail = ''): void {
    const seconds = (this.clock.now() - this.startedAt) / 1_000
    if (this.json) this.io.out(JSON.stringify({ at_seconds: seconds, part, detail }))
    else this.io.out(`${seconds.toFixed(1).padStart(7)} s  ${part.padEnd(PART_CHARS)}  ${detail}`.trimEnd())
  }

  announce(addresses: Addresses, adminEmail: string): void {
    if (this.json) {
      this.io.out(JSON.stringify({ ready: true, addresses, admin_email: adminEmail }))
      return
    }
    this.io.out(`
  The shop        ${addresses.shop}
  The dashboard   ${addresses.dashboard}   (sign in as ${adminEmail})
  The mailbox     ${addresses.mailbox}
  The simulator   ${addresses.simulator}

  Pay with card 4242 4242 4242 4242. Ctrl-C stops everything.
`)
  }

  /** Why the demo can't go on. */
  fail(thrown: unknown): void {
    const { code, message } = asAtlasError(thrown)
    const words = code === 'internal' && thrown instanceof Error ? thrown.message : message
    this.io.err(this.json ? JSON.stringify({ error: { code, message: words } }) : words)
  }
}
