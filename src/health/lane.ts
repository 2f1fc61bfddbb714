import type { Lane } from '../runs/worker'
import type { Services } from '../services'
import { type DueCheck, dueChecks, enrolTenants, nextCheckDueAt, spreadOverdue } from './due'
import { sweep } from './sweep'

const ENROL_EVERY_MS = 60_000
// What is due within a second is asked together, so that a fleet's checks make one commit a second.
const AHEAD_MS = 1_000
const CHECKS_MAX = 2_000

/** The lane of health checks: what is due is asked in sweeps, one after the other. */
export function healthLane(services: Services): Lane<DueCheck[]> {
  const { db, clock } = services
  let enrolAt = clock.now()
  spreadOverdue(db, enrolAt)
  return {
    name: 'health',
    concurrency: 1,
    nextDueAt: () => Math.min(enrolAt, nextCheckDueAt(db.read) ?? enrolAt),
    take: () => {
      const nowMs = clock.now()
      if (enrolAt <= nowMs) {
        enrolTenants(db, nowMs)
        enrolAt = nowMs + ENROL_EVERY_MS
      }
      const checks = dueChecks(db.read, nowMs + AHEAD_MS, CHECKS_MAX)
      return checks.length > 0 ? [checks] : []
    },
    keyOf: () => 'sweep',
    work: (checks) => sweep(services, checks),
  }
}
