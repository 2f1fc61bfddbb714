import { desc, eq } from 'drizzle-orm'
import { prepared } from '../db/prepared'
import { runs } from '../db/schema'
import { AtlasError } from '../errors'
import { failedEvents, retryEvent } from '../inbox/failed'
import { remediesFor, retry, undo } from '../lifecycle/mend'
import { applyFinding } from '../reconcile/apply'
import { applicable } from '../reconcile/findings'
import { dismissMail, failedMails, retryMail } from '../runs/failed-mails'
import { isInDoubt } from '../runs/mail-doubt'
import type { RunRow } from '../runs/run'
import type { Services } from '../services'
import type { StoredMail } from '../simulator/resend'
import type { Land } from './land'

/** After so many tries that failed an operator takes a run back, where that can be done. */
const RETRIES = 2
const SHOWN_MAX = 100
const actor = { id: 'operator:morning' }

const failedRuns = prepared((db) =>
  db
    .select()
    .from(runs)
    .where(eq(runs.status, 'failed').inlineParams())
    .orderBy(desc(runs.createdAt))
    .prepare(),
)

/** Who comes in the morning, finds what has failed and does something about it. */
export class Operator {
  private readonly tries = new Map<string, number>()
  private pressed = 0

  constructor(private readonly land: Land) {}

  /** Clicks through what the hourly look has found and confirmed; returns how much there was. */
  async apply(): Promise<number> {
    const { services } = this.land.life
    const findings = services ? applicable(services.db.read) : []
    for (const { id, kind } of findings) {
      if (!services) continue
      this.land.tell(`the operator applies the finding ${kind}`)
      const said = await applyFinding(services, id, actor).then(
        () => 'done',
        (thrown) => (thrown instanceof AtlasError ? thrown.code : String(thrown)),
      )
      this.land.tell(`the finding ${kind} -> ${said}`)
    }
    return findings.length
  }

  /** Presses every button that a failure offers; returns how many there were. */
  mend(): number {
    const { services } = this.land.life
    this.pressed = 0
    if (!services) return 0
    const { read } = services.db
    const nowMs = this.land.time.now()
    const failed = failedRuns(read).all()
    for (const mail of failedMails(read, SHOWN_MAX)) {
      const isThere = isInDoubt(read, mail, nowMs) && this.hasArrived(mail.idempotencyKey)
      const [what, verb] = isThere ? ['dismisses the mail', dismissMail] : ['sends again the mail', retryMail]
      this.press(`${what} ${mail.kind}`, () => services.db.write((tx) => verb(tx, mail.id, actor, nowMs)))
    }
    for (const { eventId, type } of failedEvents(read, SHOWN_MAX))
      this.press(`has the event ${type} looked at again`, () =>
        services.db.write((tx) => retryEvent(tx, eventId, actor, nowMs)),
      )
    for (const run of failed) this.mendRun(services, run)
    return this.pressed
  }

  /** Who is in doubt about a mail asks its recipient. */
  private hasArrived(key: string): boolean {
    const mails = this.land.clouds.world.table<StoredMail>('resend_email').all()
    return mails.some(({ idempotencyKey }) => idempotencyKey === key)
  }

  private mendRun(services: Services, run: RunRow): void {
    const { canRetry, canUndo } = remediesFor(services.db.read, services, run)
    const tries = this.tries.get(run.id) ?? 0
    this.tries.set(run.id, tries + 1)
    const nowMs = this.land.time.now()
    if (canUndo && tries >= RETRIES) {
      this.press(`takes back the run ${run.kind}: ${run.reason}`, () =>
        services.db.write((tx) => undo(tx, services, run.id, actor, nowMs)),
      )
    } else if (canRetry) {
      this.press(`retries the run ${run.kind}: ${run.reason}`, () =>
        services.db.write((tx) => retry(tx, services, run.id, actor, nowMs)),
      )
    }
  }

  private press(what: string, button: () => void): void {
    try {
      button()
      this.land.tell(`the operator ${what}`)
      this.pressed++
    } catch (thrown) {
      if (!(thrown instanceof AtlasError)) throw thrown
      this.land.tell(`the operator ${what} -> ${thrown.code}`)
    }
  }
}
