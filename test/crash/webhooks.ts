import { sign } from '../../src/simulator/stripe/deliveries'

/** The type of the events; Atlas keeps also what it has no use for. */
export const KEPT = 'test.kept'

const PAUSE_MS = 60
const PATIENCE_MS = 2_000

/** Sends Atlas one webhook after the other, and remembers which of them Atlas said it has. */
export class Webhooks {
  /** Ids of the events that were answered with 200. */
  readonly acknowledged: string[] = []
  private isOpen = true
  private readonly sending: Promise<void>

  constructor(
    private readonly atlasUrl: string,
    private readonly secret: string,
  ) {
    this.sending = this.send()
  }

  async close(): Promise<void> {
    this.isOpen = false
    await this.sending
  }

  private async send(): Promise<void> {
    for (let number = 1; this.isOpen; number++) {
      const id = `evt_kept_${number}`
      if (await this.post(id)) this.acknowledged.push(id)
      await Bun.sleep(PAUSE_MS)
    }
  }

  private async post(id: string): Promise<boolean> {
    const nowMs = Date.now()
    const event = {
      id,
      object: 'event',
      type: KEPT,
      created: Math.floor(nowMs / 1_000),
      data: { object: {} },
    }
    const body = JSON.stringify(event)
    try {
      const answer = await fetch(`${this.atlasUrl}/api/stripe/webhook`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'stripe-signature': sign(body, this.secret, nowMs) },
        body,
        signal: AbortSignal.timeout(PATIENCE_MS),
      })
      return answer.status === 200
    } catch {
      return false
    }
  }
}
