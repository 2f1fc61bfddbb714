import type { Table, World } from '../world'
import { notFound, timestamp } from './answers'
import type { Route } from './routes'

export type ActionError = { code: string; message: string }

export type ActionRow = {
  id: string
  command: string
  /** The server it works on, null for a firewall's own. */
  serverId: string | null
  resources: { id: number; type: string }[]
  startedAt: number
  /** Later than `startedAt` when another action has to end first. */
  beginsAt: number
  finishesAt: number
  settled: boolean
  error: ActionError | null
  /** What the server was before, to return to when the action fails. */
  statusBefore: string
  /** What the end of the action brings, such as a new server type. */
  brings: Record<string, string | number | boolean>
  /** Something that happens by itself: it locks nothing, and Hetzner does not show it. */
  unseen: boolean
}

export type ActionPlan = Pick<ActionRow, 'command' | 'serverId' | 'resources'> & {
  lastsMs: number
  beginsAt?: number
  statusBefore?: string
  brings?: ActionRow['brings']
  unseen?: boolean
}

const FIRST_ID = 1_500_000_001
const IDS_SHOWN_MAX = 25

/** Everything that is being done, as a time line: an action's state follows from the clock alone. */
export class Actions {
  private readonly table: Table<ActionRow>
  private readonly open = new Set<ActionRow>()
  private readonly alarms = new Set<() => void>()
  private readonly failures: { command: string; error: ActionError }[] = []

  constructor(
    private readonly world: World,
    private readonly finish: (action: ActionRow) => void,
  ) {
    this.table = world.table<ActionRow>('hetzner_action')
    for (const action of this.table.all()) if (!action.settled) this.track(action)
  }

  /** Lets the next action with this command end in an error. */
  failNext(command: string, error: ActionError): void {
    this.failures.push({ command, error })
  }

  begin(plan: ActionPlan): ActionRow {
    const startedAt = this.world.now()
    const beginsAt = plan.beginsAt ?? startedAt
    const failing = this.failures.findIndex((failure) => failure.command === plan.command)
    const action = this.table.put({
      id: String(this.world.nextNumber('hetzner_action', FIRST_ID)),
      command: plan.command,
      serverId: plan.serverId,
      resources: plan.resources,
      startedAt,
      beginsAt,
      finishesAt: beginsAt + this.world.lasts(plan.lastsMs),
      settled: false,
      error: failing < 0 ? null : this.failures.splice(failing, 1)[0]!.error,
      statusBefore: plan.statusBefore ?? '',
      brings: plan.brings ?? {},
      unseen: plan.unseen ?? false,
    })
    this.track(action)
    return action
  }

  /** Carries out what became due, in its order. */
  settle(): void {
    const due = [...this.open].filter((action) => action.finishesAt <= this.world.now())
    due.sort((a, b) => a.finishesAt - b.finishesAt || Number(a.id) - Number(b.id))
    for (const action of due) {
      if (!this.open.delete(action)) continue
      this.finish(action)
      this.table.put({ ...action, settled: true })
    }
  }

  /** Ends an action at once with an error, because what it waited for has failed. */
  abandon(serverId: string, error: ActionError): void {
    for (const action of [...this.open].filter((one) => one.serverId === serverId)) {
      this.open.delete(action)
      this.table.put({ ...action, finishesAt: this.world.now(), settled: true, error })
    }
  }

  /** Forgets what was to happen by itself. */
  callOff(serverId: string): void {
    for (const action of [...this.open].filter((one) => one.serverId === serverId && one.unseen)) {
      this.open.delete(action)
      this.table.delete(action.id)
    }
  }

  isLocked(serverId: string): boolean {
    for (const action of this.open) if (action.serverId === serverId && !action.unseen) return true
    return false
  }

  /** Whether something that runs needs this image: to make it, or to put it on a disk. */
  needsImage(imageId: string): boolean {
    for (const action of this.open) if (action.brings.imageId === imageId) return true
    return false
  }

  get(id: string): ActionRow | undefined {
    const action = this.table.get(id)
    return action?.unseen ? undefined : action
  }

  of(serverId: string): ActionRow[] {
    return this.table.all().filter((action) => action.serverId === serverId && !action.unseen)
  }

  /** As Hetzner shows it: never 100 percent before it has succeeded. */
  wire(action: ActionRow) {
    const now = this.world.now()
    const running = !action.settled
    const share = (now - action.beginsAt) / Math.max(1, action.finishesAt - action.beginsAt)
    const percent = Math.min(99, Math.max(0, Math.floor(share * 100)))
    return {
      id: Number(action.id),
      command: action.command,
      status: running ? 'running' : action.error ? 'error' : 'success',
      progress: running ? percent : 100,
      started: timestamp(action.startedAt),
      finished: running ? null : timestamp(action.finishesAt),
      resources: action.resources,
      error: running ? null : action.error,
    }
  }

  stop(): void {
    for (const cancel of this.alarms) cancel()
    this.alarms.clear()
  }

  private track(action: ActionRow): void {
    this.open.add(action)
    const cancel = this.world.clock.at(action.finishesAt, () => {
      this.alarms.delete(cancel)
      this.settle()
    })
    this.alarms.add(cancel)
  }
}

/** Actions of the whole project; those of a server are at the server's own routes. */
export function actionRoutes(actions: Actions): Route[] {
  return [
    {
      method: 'GET',
      path: '/actions',
      answer: ({ url }) => {
        const ids = [...new Set(url.searchParams.getAll('id'))].slice(0, IDS_SHOWN_MAX)
        return Response.json({
          actions: ids.flatMap((id) => actions.get(id) ?? []).map((a) => actions.wire(a)),
        })
      },
    },
    {
      method: 'GET',
      path: '/actions/{id}',
      answer: ({ id }) => {
        const action = actions.get(id)
        if (!action) throw notFound('action', id)
        return Response.json({ action: actions.wire(action) })
      },
    },
  ]
}
