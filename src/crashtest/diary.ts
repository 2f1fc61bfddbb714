import { and, asc, eq, inArray, sql } from 'drizzle-orm'
import type { Reader } from '../db/open'
import { prepared } from '../db/prepared'
import { backups, runs, servers, steps } from '../db/schema'
import type { ServerRow, SnapshotRow } from '../simulator/hetzner/project'
import type { Machine } from '../simulator/machines/machine'
import type { StoredObject } from '../simulator/s3'
import type { Clouds } from '../simulator/simulator'

type Note = { id: string; tenantId: string; text: string; at: number }
/** What a copy, an object or an image, held when it was made. */
type Copy = { id: string; notes: string[] }
type Run = typeof runs.$inferSelect

/** What a tenant's app must hold: exactly the sure notes, and of the others any. */
export type Wanted = { text: string; isSure: boolean }[]

/**
 * What customers wrote into their apps, as they themselves remember it, and what every copy held when it was made. It
 * is kept in the world of the clouds, so that a story that goes on from another one remembers that too.
 */
export class Diary {
  constructor(
    private readonly clouds: Clouds,
    private readonly db: Reader,
  ) {
    const { world } = clouds
    world.table<StoredObject>('s3_objects').watch(({ key }) => this.keep(key, () => this.notesBehind(key)))
    world.table<SnapshotRow>('hetzner_snapshot').watch(({ id, disk }) => this.keep(id, () => notesOn(disk)))
  }

  /** A customer opens the app and leaves a note, where it serves them; it is remembered only if the app took it. */
  async write(hostname: string): Promise<void> {
    const { machines, route53, world } = this.clouds
    const address = route53.resolve(hostname)
    const machine = world.table<Machine>('machines').find(({ ipv4 }) => ipv4 === address)
    const server = world.table<ServerRow>('hetzner_server').get(machine?.id ?? '')
    if (!address || !machine || !server || machine.paused) return
    const text = `note ${world.nextNumber('story_note')}`
    const body = new URLSearchParams({ note: text })
    const asked = new Request(`http://${hostname}/notes`, { method: 'POST', body })
    const answer = await machines.doors.answerHttp(address, asked)
    if (answer === 'refused' || answer.status !== 303) return
    this.notes.put({ id: text, tenantId: server.labels.tenant ?? '', text, at: world.now() })
  }

  /** What a tenant's app must hold now; null when it can't be told. */
  wanted(tenantId: string): Wanted | null {
    const mine = this.notes.all().filter((note) => note.tenantId === tenantId)
    const changes = this.changesOf(tenantId)
    let wanted: Wanted | null = []
    let since = 0
    // What is put back is there before Atlas knows it, and an app on it serves.
    const unsure = this.takenBackOf(tenantId)
    for (const { from, until, holds } of changes) {
      wanted = holds?.map((text) => ({ text, isSure: true })) ?? null
      since = from
      unsure.push([from, until - 1])
    }
    const isSure = ({ at }: Note) => !unsure.some(([from, until]) => at >= from && at <= until)
    const later = mine
      .filter(({ at }) => at >= since)
      .map((note) => ({ text: note.text, isSure: isSure(note) }))
    return wanted && [...wanted, ...later]
  }

  /** What an object in the storage or an image held when it was made; null when nobody knows. */
  heldBy(id: string | null): string[] | null {
    return this.copies.get(id ?? '')?.notes ?? null
  }

  private get notes() {
    return this.clouds.world.table<Note>('story_notes')
  }

  private get copies() {
    return this.clouds.world.table<Copy>('story_copies')
  }

  private keep(id: string, look: () => string[] | null): void {
    const notes = look()
    if (notes) this.copies.put({ id, notes })
  }

  /** What is on the machine that uploads this object just now; null when it is no new one. */
  private notesBehind(key: string): string[] | null {
    const from = this.db
      .select({ externalId: servers.externalId })
      .from(backups)
      .innerJoin(servers, eq(servers.id, backups.serverId))
      .where(and(eq(backups.objectKey, key), eq(backups.status, 'running')))
      .get()
    return this.clouds.world.table<Machine>('machines').get(from?.externalId ?? '')?.data.notes ?? null
  }

  /** From when until when a person had a copy put in the place of the data, and what that held. */
  private changesOf(tenantId: string): { from: number; until: number; holds: string[] | null }[] {
    return this.runsOf(tenantId, 'succeeded').flatMap((run) => {
      const mine = this.db.select().from(steps).where(eq(steps.runId, run.id)).all()
      const step = (name: string) => mine.find((one) => one.name === name)
      const { backupId, acceptOlderBackup } = JSON.parse(run.input) as Record<string, unknown>
      const until = step(run.kind === 'move' ? 'bring-data' : 'put-back')?.finishedAt ?? 0
      const used = run.kind === 'move' ? outputOf(step('copy-data')).backupId : backupId
      const backup = this.db
        .select()
        .from(backups)
        .where(eq(backups.id, String(used)))
        .get()
      const isChosen = backupId !== undefined || (acceptOlderBackup === true && backup?.runId !== run.id)
      const holds = this.heldBy(backup?.objectKey ?? backup?.imageId ?? null)
      return isChosen ? [{ from: run.createdAt, until, holds }] : []
    })
  }

  /** When data was in place that was taken back: what was written meanwhile went with it. */
  private takenBackOf(tenantId: string): [from: number, until: number][] {
    return this.runsOf(tenantId, 'cancelled').map(({ createdAt, finishedAt }) => [createdAt, finishedAt ?? 0])
  }

  private runsOf(tenantId: string, status: Run['status']): Run[] {
    return replacements(this.db).all({ tenantId, status })
  }
}

const replacements = prepared((db) => {
  const mine = eq(runs.tenantId, sql.placeholder('tenantId'))
  const replaces = and(inArray(runs.kind, ['restore', 'move']), eq(runs.status, sql.placeholder('status')))
  return db.select().from(runs).where(and(mine, replaces)).orderBy(asc(runs.createdAt)).prepare()
})

function outputOf(step: typeof steps.$inferSelect | undefined): Record<string, unknown> {
  return JSON.parse(step?.output ?? '{}') as Record<string, unknown>
}

function notesOn(disk: string): string[] | null {
  return disk === '' ? null : (JSON.parse(disk) as Pick<Machine, 'data'>).data.notes
}
