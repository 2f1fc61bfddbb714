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

/** Everyone who asks for actions in the same turn of the event loop shares one request. */
export class ActionBatch {
  private callers: Caller[] = []

  constructor(private readonly api: HetznerApi) {}

  /** The actions with these ids; those that Hetzner has forgotten are left out. */
  ask(ids: string[]): Promise<CloudAction[]> {
    if (ids.length === 0) return Promise.resolve([])
    if (!ids.every((id) => /^[1-9]\d{0,15}$/.test(id))) {
      return Promise.reject(new AtlasError('internal', 'An id of a Hetzner action must be a number.'))
    }
    return new Promise((resolve, reject) => {
      this.callers.push({ ids, resolve, reject })
      if (this.callers.length === 1) setImmediate(() => this.send())
    })
  }

  private async send(): Promise<void> {
    const callers = this.callers
    this.callers = []
    try {
      const found = await this.fetch([...new Set(callers.flatMap((caller) => caller.ids))])
      for (const { ids, resolve } of callers) resolve(ids.flatMap((id) => found.get(id) ?? []))
    } catch (thrown) {
      for (const { reject } of callers) reject(thrown)
    }
  }

  private async fetch(ids: string[]): Promise<Map<string, CloudAction>> {
    const chunks: string[][] = []
    for (let from = 0; from < ids.length; from += IDS_MAX) chunks.push(ids.slice(from, from + IDS_MAX))
    const answers = await Promise.all(chunks.map((id) => this.api.request('GET', '/actions', { id })))
    const actions = answers.flatMap((answer) => read(replies.actions, answer).actions.map(toAction))
    return new Map(actions.map((action) => [action.id, action]))
  }
}
