import { Cron } from 'croner'
import { sweepRateLimits } from './accounts/rate-limit'
import { sweepSessions } from './accounts/session'
import { queueDueBackups } from './backups/due'
import { watchBackups } from './backups/overdue'
import { removeExpiredBackups } from './backups/removal'
import { sweepCheckouts } from './checkouts/sweep'
import { refetchMoney } from './inbox/refetch'
import { followMoney } from './lifecycle/follow-money'
import { reconcile } from './reconcile/reconcile'
import { catchUp } from './rollouts/catch-up'
import type { Services } from './services'
import { sweep } from './upkeep/sweep'

type Line = { name: string; when: string; work: (services: Services) => void | Promise<void> }

/** Everything that happens by the clock (UTC). */
export const SCHEDULE: readonly Line[] = [
  { name: 'sweep-checkouts', when: '*/5 * * * *', work: sweepCheckouts },
  { name: 'follow-money', when: '*/5 * * * *', work: followMoney },
  { name: 'refetch-money', when: '47 * * * *', work: refetchMoney },
  { name: 'reconcile', when: '7 * * * *', work: reconcile },
  { name: 'queue-backups', when: '*/2 * * * *', work: queueDueBackups },
  { name: 'watch-backups', when: '37 * * * *', work: watchBackups },
  { name: 'remove-expired-backups', when: '3-59/10 * * * *', work: removeExpiredBackups },
  { name: 'catch-up', when: '*/2 * * * *', work: catchUp },
  { name: 'sweep-sessions', when: '17 * * * *', work: ({ db, clock }) => sweepSessions(db, clock.now()) },
  {
    name: 'sweep-rate-limits',
    when: '27 * * * *',
    work: ({ db, clock }) => sweepRateLimits(db, clock.now()),
  },
  { name: 'sweep', when: '23 3 * * *', work: sweep },
]

/** Starts every line of the schedule; the returned function ends them. A line never overlaps with itself. */
export function startSchedule(services: Services): () => void {
  const jobs = SCHEDULE.map(({ name, when, work }) => {
    const failed = (thrown: unknown) => services.log.error('a scheduled line broke', thrown, { name })
    const options = { name, timezone: 'UTC', protect: true, unref: true, catch: failed }
    return new Cron(when, options, () => work(services))
  })
  return () => {
    for (const job of jobs) job.stop()
  }
}
