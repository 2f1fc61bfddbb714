import type { Project, ServerRow, SnapshotRow } from './project'

export const FIRST_IMAGE_ID = 400_000_001
const BACKUPS_MAX = 7
const DAY_MS = 86_400_000
/** When the window that every server here has begins, of each day in UTC. */
const WINDOW_MS = 22 * 3_600_000
export const CREATE_IMAGE_MS = 5_000

type Order = Pick<SnapshotRow, 'type' | 'description' | 'labels'>

/** An image of what is on the server's disk now; it is not in the project yet, and not ready. */
export function newSnapshot(project: Project, server: ServerRow, order: Order): SnapshotRow {
  return {
    ...order,
    id: project.nextId('image', FIRST_IMAGE_ID),
    serverId: server.id,
    serverName: server.name,
    systemImageId: server.systemImageId,
    diskGb: server.diskGb,
    createdAt: project.world.now(),
    ready: false,
    protected: false,
    disk: server.hasMachine ? project.driver.snapshot(server.id) : '',
  }
}

/** The cloud's own backups: one a day of every server that has them on. */
export class DailyBackups {
  private cancel: (() => void) | null = null

  constructor(private readonly project: Project) {
    this.arm()
  }

  /** From now on this server has a backup in every window. */
  begin(server: ServerRow): void {
    const { servers, world } = this.project
    servers.put({ ...server, backupWindow: '22-02', backedUpAt: world.now() })
    this.arm()
  }

  /** Waits for the next window, while there is a server that wants a backup then. */
  private arm(): void {
    const { world, servers } = this.project
    if (this.cancel || !servers.find((server) => server.backupWindow !== null)) return
    this.cancel = world.clock.at(lastDue(world.now()) + DAY_MS, () => {
      this.cancel = null
      this.makeDue()
      this.arm()
    })
  }

  stop(): void {
    this.cancel?.()
    this.cancel = null
  }

  private makeDue(): void {
    for (const server of this.project.servers.all()) {
      if (server.backupWindow === null || !['running', 'off'].includes(server.status)) continue
      this.backUp(server)
    }
  }

  /** Days that went by in one leap of the clock have their backups too, as far as they would still be there. */
  private backUp(server: ServerRow): void {
    const { world, servers, snapshots } = this.project
    const due = lastDue(world.now())
    servers.put({ ...server, backedUpAt: due })
    const missed = Math.min(BACKUPS_MAX - 1, Math.floor((due - server.backedUpAt - 1) / DAY_MS))
    for (let days = missed; days > 0; days--) {
      snapshots.put({ ...this.automatic(server), createdAt: due - days * DAY_MS, ready: true })
    }
    const image = snapshots.put(this.automatic(server))
    const brings = { imageId: image.id }
    this.project.beginQueued(server, { command: 'create_image', lastsMs: CREATE_IMAGE_MS, brings })
  }

  private automatic(server: ServerRow): SnapshotRow {
    return newSnapshot(this.project, server, { type: 'backup', description: 'Daily backup', labels: {} })
  }
}

/** The newest seven backups stay. */
export function keepNewest(project: Project, serverId: string): void {
  const ready = backupsOf(project, serverId).filter((image) => image.ready)
  ready.sort((a, b) => b.createdAt - a.createdAt)
  for (const image of ready.slice(BACKUPS_MAX)) project.snapshots.delete(image.id)
}

/** A server's daily backups go with it, or when they are switched off. */
export function dropBackups(project: Project, serverId: string): void {
  for (const image of backupsOf(project, serverId)) project.snapshots.delete(image.id)
}

const backupsOf = (project: Project, serverId: string): SnapshotRow[] =>
  project.snapshots.all().filter((image) => image.type === 'backup' && image.serverId === serverId)

const lastDue = (nowMs: number): number => Math.floor((nowMs - WINDOW_MS) / DAY_MS) * DAY_MS + WINDOW_MS
