import type { World } from '../world'
import { inProgress, Refusal, wrong } from './errors'

export type Answer = { status: number; body: string; requestId: string }

/** A request by what it asks: `body` is null when it was refused before it was read. */
export type Fingerprint = { path: string; body: string | null }

type Remembered = Fingerprint & { id: string; at: number; answer: Answer }

const DAY_MS = 24 * 3_600_000
const KEY_MAX = 255

/** Remembers the first answer to every key for 24 hours, also a 500 (https://docs.stripe.com/api/idempotent_requests). */
export class Idempotency {
  private readonly running = new Set<string>()

  constructor(private readonly world: World) {}

  private get rows() {
    return this.world.table<Remembered>('stripe_idempotency')
  }

  /** Answers as it did the first time, or pauses and acts. Throws a refusal when the key is in use or means something else. */
  async once(
    key: string,
    fingerprint: Fingerprint,
    pause: () => Promise<void>,
    act: () => Answer,
  ): Promise<Answer & { isReplay: boolean }> {
    if (key.length > KEY_MAX) throw wrong('Idempotency keys can be at most 255 characters long.')
    const known = this.known(key)
    if (known) return { ...replay(known, fingerprint), isReplay: true }
    if (this.running.has(key)) throw inProgress()
    this.running.add(key)
    try {
      await pause()
      // One write: a killed process must not leave an object whose key was forgotten, or it would be made twice.
      const answer = this.world.transaction(() => {
        const acted = act()
        this.remember(key, fingerprint, acted)
        return acted
      })
      return { ...answer, isReplay: false }
    } finally {
      this.running.delete(key)
    }
  }

  /** Keeps an answer. What never began (a malformed request, 401, 409, 429) is not kept, as at Stripe. */
  remember(key: string, fingerprint: Fingerprint, answer: Answer): void {
    const isKept = answer.status < 300 || answer.status === 402 || answer.status >= 500
    if (isKept) this.rows.put({ id: key, at: this.world.now(), ...fingerprint, answer })
  }

  known(key: string): Remembered | undefined {
    const row = this.rows.get(key)
    return row && this.world.now() - row.at < DAY_MS ? row : undefined
  }
}

function replay(known: Remembered, asked: Fingerprint): Answer {
  if (known.path !== asked.path) {
    throw mismatch(
      'Keys for idempotent requests can only be used for the same endpoint they were first used for.',
    )
  }
  if (known.body !== null && known.body !== asked.body) {
    throw mismatch(
      'Keys for idempotent requests can only be used with the same parameters they were first used with.',
    )
  }
  return known.answer
}

function mismatch(message: string): Refusal {
  return new Refusal(400, {
    type: 'idempotency_error',
    message: `${message} Try using another key if you meant to execute a different request.`,
  })
}
