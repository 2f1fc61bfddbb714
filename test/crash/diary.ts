import { sign } from '../../src/simulator/stripe/deliveries'

const PAUSE_MS = 60
const PATIENCE_MS = 2_000

/** Writes one webhook after the other into Atlas, and remembers which of them Atlas said it has. */
export class Diary {
  /** Ids of the events that were answered with 200. */
  readonly acknowledged: string[] = []
  private isOpen = true
  private readonly writing: Promise<void>

  constructor(
    private readonly atlasUrl: string,
    private readonly secret: string,
  ) {
    this.writing = this.write()
  }

  async close(): Promise<void> {
    this.isOpen = false
    await this.writing
  }

  private async write(): Promise<void> {
    for (let number = 1; this.isOpen; number++) {
      const id = `evt_diary_${number}`
      if (await this.post(id)) this.acknowledged.push(id)
      await Bun.sleep(PAUSE_MS)
    }
  }

  private async post(id: string): Promise<boolean> {
    const nowMs = Date.now()
    const event = {
      id,
      object: 'event',
      type: 'diary.entry',
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
