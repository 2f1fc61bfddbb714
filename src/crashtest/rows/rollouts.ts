import { type Decide, decide } from '../../rollouts/decide'
import { type FleetEnding, rollOut } from '../fleet'
import { type FleetStory, writeFleetStory } from '../fleet-story'
import { type Row, Tally } from '../row'

const MACHINES = 200
const SEEDS = 5_000
/** The controls are told every so many seeds. */
const CONTROLLED = 7

/** D1: a release goes out to a fleet, and breaks no more of it than it may. */
export const rollouts: Row = {
  name: 'D1',
  says: 'rollouts to 200 machines: a wholly bad release breaks 1, a partly bad one stops at 2 failures or 2 %',
  seeds: SEEDS,
  async run({ seed, seeds, ...task }) {
    const tally = new Tally(task)
    for (let number = seed; number < seed + seeds; number++) {
      if (!tally.isMine) continue
      const story = writeFleetStory(number, MACHINES)
      const ending = rollOut(story, decide)
      tally.count(ending.status)
      countLimits(tally, story, ending)
      tally.note(`fleet ${number}`, { wrong: wrongWith(story, ending) })
      if (number % CONTROLLED !== 0) continue
      for (const [name, control] of Object.entries(CONTROLS)) {
        if (wrongWith(story, rollOut(story, control)).length === 0) continue
        tally.count(`broken: ${name}`)
        tally.count('controls_broken')
      }
    }
    return tally.found
  },
  lacks({ tried, figures }) {
    if (tried < SEEDS) return `${tried} fleets, not ${SEEDS}`
    const whole = Object.keys(CONTROLS).filter((name) => !figures[`broken: ${name}`])
    return whole.length === 0 ? null : `what must break did not: ${whole.join(', ')}`
  },
}

/** How many releases of each nature went out, and how many of the bad ones broke no more than they may. */
function countLimits(tally: Tally, { nature }: FleetStory, { failed, stopAt }: FleetEnding): void {
  tally.count(nature.replaceAll(' ', '_'))
  if (nature === 'wholly bad' && failed === 1) tally.count('of_them_broke_1')
  if (nature === 'partly bad' && failed <= stopAt) tally.count('of_them_within_limit')
}

/** Deciders that this very check must reject. */
export const CONTROLS: Record<string, Decide> = {
  'the stop rule is ignored': (snapshot, nowMs) => decide({ ...snapshot, failed: 0 }, nowMs),
  'what is in flight is not counted': (snapshot, nowMs) =>
    decide(snapshot.failed < snapshot.stopAt ? { ...snapshot, stopAt: MACHINES } : snapshot, nowMs),
}

/** What of a rollout's ending must not be, a sentence each. */
export function wrongWith(story: FleetStory, ending: FleetEnding): string[] {
  const { status, stopAt, failed, failedLate, atOnce, misdeeds, machines } = ending
  const { nature, strategy, canGoBack } = story
  const many = (state: string) => machines.filter((machine) => machine.state === state).length
  const says: [boolean, string][] = [
    [nature === 'good' && (status !== 'succeeded' || failed > 0), `A good release ended ${status}.`],
    [nature === 'wholly bad' && failed !== 1, `A wholly bad release broke ${failed} tenants.`],
    [failed > stopAt, `${failed} tenants failed; it had to stop at ${stopAt}.`],
    [
      failed + failedLate >= stopAt && status === 'succeeded',
      `It went on to its end over ${failed} failures.`,
    ],
    [atOnce > strategy.concurrency, `${atOnce} were worked on at a time.`],
    [misdeeds > 0, `Something was begun ${misdeeds} times that must not be.`],
    [status === 'running' || status === 'going_back' || status === 'held', `It never ended: ${status}.`],
    [
      many('deploying') + many('going_back') > (status === 'frozen' ? machines.length : 0),
      'It left work behind.',
    ],
    [status === 'succeeded' && many('waiting') > 0, 'Somebody was forgotten.'],
    [status === 'rolled_back' && many('succeeded') > 0, 'Somebody was not taken back.'],
    [status === 'stopped' && canGoBack, 'It did not go back though it could.'],
    [(status === 'frozen') !== many('stuck') > 0, `It is ${status} with ${many('stuck')} stuck.`],
  ]
  return says.flatMap(([isWrong, sentence]) => (isWrong ? [sentence] : []))
}
