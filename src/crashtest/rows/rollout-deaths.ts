import { unlike } from '../plain'
import { RolloutTrial, TALES, type Tale, type Told } from '../rollout'
import { pairsOf, type Row, Tally, type Task } from '../row'

/** Whatever a dead process held is taken up by the next one within so much time. */
const TAKEN_UP_WITHIN_MS = 60_000
/** A wave waits for the health of its tenants, whose turn comes so often: one may be lost with its process. */
const HEALTH_TURN_MS = 300_000
/** Of the pairs of deaths of a rollout, which are many, one of so many is tried at most. */
const ONE_PAIR_OF = 97

/** D2: Atlas dies at every moment of a rollout. */
export const rolloutDeaths: Row = {
  name: 'D2',
  says: ({ everyPair }) =>
    `a crash at every effect and every commit of a rollout, and ${pairsOf(ONE_PAIR_OF * everyPair)}: it goes on within a minute, nobody is deployed twice`,
  async run({ shop, kinds, everyPair, ...task }) {
    const tally = new Tally(task)
    for (const tale of TALES) {
      if (kinds.length > 0 && !kinds.includes(tale.name)) continue
      const trial = await RolloutTrial.of(shop, tale)
      const calm = await trial.tell([])
      tally.note(`${tale.name}, without a crash`, { wrong: wrongWithout(tale, calm) })
      for (const first of (calm.moments[0] ?? []).keys())
        if (tally.isMine) await dieAt(tally, trial, { tale, calm, first, everyPair })
      if (tale === TALES[0]) await controlled(tally, trial, calm)
    }
    return tally.found
  },
  lacks({ figures }) {
    return figures.control && !figures['control broken'] ? 'the control did not break' : null
  },
}

type Death = { tale: Tale; calm: Told; first: number; everyPair: Task['everyPair'] }

/** One death, and some second ones in the life that follows it. */
async function dieAt(
  tally: Tally,
  trial: RolloutTrial,
  { tale, calm, first, everyPair }: Death,
): Promise<void> {
  const single = await trial.tell([first])
  const [before, after] = single.moments
  tally.count('singles')
  tally.note(`${tale.name}: ${first} ${before?.at(-1)}`, { wrong: unlikeCalm(single, calm) })
  for (const [second, moment] of (after ?? []).entries()) {
    if (everyPair === 0 || (first * 31 + second) % (ONE_PAIR_OF * everyPair) !== 0) {
      tally.count('pairs_left_out')
      continue
    }
    tally.count('pairs')
    const where = `${tale.name}: ${first} ${before?.at(-1)}, then ${second} ${moment}`
    tally.note(where, { wrong: unlikeCalm(await trial.tell([first, second]), calm) })
  }
}

/** The same rollout by an Atlas whose commands and mails have other names in each life: it must not pass. */
async function controlled(tally: Tally, trial: RolloutTrial, calm: Told): Promise<void> {
  for (const [moment, name] of (calm.moments[0] ?? []).entries()) {
    if (name === 'commit' || !tally.isMine) continue
    tally.count('control')
    if (unlikeCalm(await trial.tell([moment], unlike), calm).length > 0) tally.count('control broken')
  }
}

function wrongWithout({ becomes }: Tale, { cameTo, moments }: Told): string[] {
  return [
    ...(cameTo.status === becomes ? [] : [`The rollout is ${cameTo.status}, not ${becomes}.`]),
    ...(moments.length === 1 ? [] : ['Atlas died by itself.']),
  ]
}

/** What came of it otherwise than without any crash, a sentence each. */
export function unlikeCalm({ cameTo, wrong, tookMs, slowestRunMs, moments }: Told, calm: Told): string[] {
  const deaths = moments.length - 1
  const late = tookMs - calm.tookMs - deaths * (TAKEN_UP_WITHIN_MS + HEALTH_TURN_MS)
  const heldMs = slowestRunMs - calm.slowestRunMs
  const words = Object.entries(cameTo).flatMap(([name, value]) => {
    const wanted = Object.entries(calm.cameTo).find(([other]) => other === name)?.[1]
    return Bun.deepEquals(value, wanted)
      ? []
      : [`${name}: ${JSON.stringify(value)} instead of ${JSON.stringify(wanted)}`]
  })
  return [
    ...words,
    ...wrong.filter((one) => !calm.wrong.includes(one)),
    ...(late > 0 ? [`The rollout took ${tookMs} ms instead of ${calm.tookMs} ms.`] : []),
    ...(heldMs > TAKEN_UP_WITHIN_MS
      ? [`A run took ${slowestRunMs} ms instead of ${calm.slowestRunMs} ms.`]
      : []),
  ]
}
