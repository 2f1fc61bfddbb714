import { play } from '../play'
import { type Row, Tally } from '../row'
import { writeStory } from '../write-story'

const SEEDS_A_MINUTE = 2_000

/** A3: lives of the system, each from its seed, with everything that can go wrong in them. */
export const lives: Row = {
  name: 'A3',
  says: 'lives of signups, payments, failures and deletions, with lost replies, jumps of the clock and crashes',
  seeds: 6_000,
  async run({ shop, seed, seeds, ...task }) {
    const tally = new Tally(task)
    for (let number = seed; number < seed + seeds; number++) {
      if (!tally.isMine) continue
      const ending = await play(shop, writeStory(number))
      tally.count('crashes', ending.moments.length - 1)
      tally.count('faults', ending.strikes.length)
      tally.note(`seed ${number}`, ending)
    }
    return tally.found
  },
  lacks({ tried }, minutes) {
    const rate = tried / minutes
    return rate >= SEEDS_A_MINUTE ? null : `${Math.round(rate)} lives a minute, not ${SEEDS_A_MINUTE}`
  },
}
