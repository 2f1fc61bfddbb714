import type { Services } from '../services'
import { commonEnds, type FailureWords } from '../tenants/failure'
import { failBackups } from './backup'

/** The ends of a run that may make a backup on its way: when it stops or is taken back, none is left half made. */
export function copyingEnds(services: Services, words: FailureWords): ReturnType<typeof commonEnds> {
  const ends = commonEnds(services, words)
  return {
    ...ends,
    failed: (tx, run, error, nowMs) => {
      failBackups(tx, run.id, error.message, nowMs)
      ends.failed(tx, run, error, nowMs)
    },
    undone: (tx, run, nowMs) => {
      failBackups(tx, run.id, 'It was taken back.', nowMs)
      ends.undone(tx, run, nowMs)
    },
  }
}
