import { BECOMES_LIVE } from '../bases'
import { type Kind, Trial } from '../kinds'
import { type Row, Tally } from '../row'
import type { Act } from '../story'

const LIVE = [...BECOMES_LIVE]
/** Two things that people do to one tenant, the second while Atlas is at the first. */
const OVERLAPS: [before: string[], first: string, second: string][] = [
  [['sign up', 'pay'], 'approve', 'delete at once'],
  [['sign up', 'pay'], 'approve', 'cancel'],
  [LIVE, 'suspend', 'change plan'],
  [LIVE, 'change plan', 'suspend'],
  [LIVE, 'change plan', 'cancel'],
  [LIVE, 'delete at once', 'cancel'],
  [LIVE, 'delete', 'suspend'],
  [LIVE, 'restore', 'delete at once'],
  [LIVE, 'move', 'delete at once'],
  [LIVE, 'move', 'cancel'],
  [LIVE, 'back up', 'move'],
]
/** How long after the first, in milliseconds: at the same moment, and at every stage of what follows. */
const AFTER_MS = [0, 1, 150, 400, 700, 1_100, 1_600, 2_300, 3_200, 5_000, 60_000, 130_000]

/** A6: two things at once: one winner, the other is told that it conflicts. */
export const overlaps: Row = {
  name: 'A6',
  says: 'two things done to one tenant at once: one wins, the other is told conflict',
  async run({ shop, ...task }) {
    const tally = new Tally(task)
    for (const [before, first, second] of OVERLAPS) {
      const trial = await Trial.of(shop, overlap(before))
      for (const after of AFTER_MS) {
        for (const twice of [false, true]) {
          if (!tally.isMine) continue
          const acts: Act[] = [
            { kind: first, after: 1_000, ...(twice && { twice }) },
            { kind: second, after, atOnce: true, ...(twice && { twice }) },
          ]
          const customers = [{ name: 'ada', plan: 'starter' as const, acts }]
          const ending = await trial.run([], { story: { customers } })
          for (const line of ending.trace) if (line.endsWith('-> conflict')) tally.count('conflicts')
          tally.note(`${second} ${after} ms after ${first}${twice ? ', both twice' : ''}`, ending)
        }
      }
    }
    return tally.found
  },
  lacks: ({ figures }) => ((figures.conflicts ?? 0) > 0 ? null : 'nobody was told conflict'),
}

/** Who wins is open, so nothing more is expected than what always holds. */
function overlap(before: string[]): Kind {
  return { name: 'overlap', before, acts: [], becomes: null, run: null }
}
