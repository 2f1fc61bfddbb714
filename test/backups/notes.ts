import type { BackupMethod } from '../../src/backups/backup'
import { backUpTenant } from '../../src/backups/recipe'
import type { retry, undo } from '../../src/lifecycle/mend'
import type { Estate } from '../estate'

/** A visitor leaves a note on the tenant's site, which keeps it on its own server. */
export async function leaveNote(estate: Estate, note: string): Promise<void> {
  const { tenants } = estate.clouds.urls
  const host = `${estate.tenant.subdomain}.localhost:${new URL(tenants).port}`
  const answer = await fetch(`${tenants}/notes`, {
    method: 'POST',
    headers: { host },
    body: new URLSearchParams({ note }),
    redirect: 'manual',
  })
  if (answer.status >= 400) throw new Error(`The note was answered with ${answer.status}.`)
}

/** The notes that the site shows, oldest first. */
export async function notesOf(estate: Estate): Promise<string[]> {
  const { text } = await estate.visit()
  return [...text.matchAll(/<li>(.*?)<\/li>/g)].map((match) => match[1] ?? '')
}

/** Asks for a backup by hand; returns its id. */
export function askBackUp(estate: Estate, method: BackupMethod = 'app'): string {
  return estate.do((tx, services, id, asked) =>
    backUpTenant(tx, services, id, { ...asked, reason: 'by_hand', method }),
  ).backupId
}

/** Asks for a backup by hand and waits until all is done; returns its id. */
export async function backUp(estate: Estate, method?: BackupMethod): Promise<string> {
  const backupId = askBackUp(estate, method)
  await estate.live()
  return backupId
}

/** Has the latest run, which failed, go on or be taken back, and waits until all is done. */
export async function mendLatest(estate: Estate, verb: typeof retry | typeof undo): Promise<void> {
  estate.db.write((tx) => verb(tx, estate.services, estate.run.id, { id: 'test' }, estate.clock.now()))
  await estate.live()
}
