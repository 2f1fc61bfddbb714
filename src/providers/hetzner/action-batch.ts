import { AtlasError } from '../../errors'
import type { CloudAction } from '../cloud'
import type { HetznerApi } from './api'
import { read, replies, toAction } from './wire'

// The list of actions has no documented paging, and Hetzner's default page holds 25.
const IDS_MAX = 25

type Caller = {
  ids: string[]
  resolve: (actions: CloudAction[]) => void
  reject: (reason: unknown) => void
}

/**
 * Everyone who asks for actions in the same turn of the event loop, or while a poll still waits for its turn in
 * the rate budget, shares one request.
 */
export class ActionBatch {
  private callers: Caller[] = []
  private pollIsDue = false

  constructor(private readonly api: HetznerApi) {}

  /** The actions with these ids; those that Hetzner has forgotten are left out. */
  async ask(ids: string[]): Promise<CloudAction[]> {
    if (!ids.every((id) => /^[1-9]\d{0,15}$/.test(id))) {
      throw new AtlasError('internal', 'An id of a Hetzner action must be a number.')
    }
    const parts: Promise<CloudAction[]>[] = []
    for (let from = 0; from < ids.length; from += IDS_MAX)
      parts.push(this.join(ids.slice(from, from + IDS_MAX)))
    return (await Promise.all(parts)).flat()
  }

  private join(ids: string[]): Promise<CloudAction[]> {
    return new Promise((resolve, reject) => {
      this.callers.push({ ids, resolve, reject })
      this.makePollDue()
    })
  }

  private makePollDue(): void {
    if (this.pollIsDue || this.callers.length === 0) return
    this.pollIsDue = true
    setImmediate(() => this.poll())
  }

  private async poll(): Promise<void> {
    let served: Caller[] = []
    const board = () => {
      served = this.boarding()
      return { id: [...new Set(served.flatMap((caller) => caller.ids))] }
    }
    try {
      const reply = await this.api.request('GET', '/actions', board)
      const found = new Map(
        read(replies.actions, reply).actions.map((action) => [action.id, toAction(action)]),
      )
      for (const { ids, resolve } of served) resolve(ids.flatMap((id) => found.get(id) ?? []))
    } catch (thrown) {
      // Refused by the budget before anyone boarded: then nobody who waits can be served now.
      const failed = served.length > 0 ? served : this.callers.splice(0)
      this.pollIsDue = served.length > 0 && this.pollIsDue
      for (const { reject } of failed) reject(thrown)
    }
  }

  /** The callers that fit into one request, oldest first; the others get the next. */
  private boarding(): Caller[] {
    const served: Caller[] = []
    let taken = 0
    for (const caller of this.callers) {
      taken += caller.ids.length
      if (taken > IDS_MAX) break
      served.push(caller)
    }
    this.callers.splice(0, served.length)
    this.pollIsDue = false
    this.makePollDue()
    return served
  }
}
