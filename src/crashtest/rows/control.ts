import { KINDS, Trial } from '../kinds'
import { plainRecipes, unlike } from '../plain'
import { type Row, Tally } from '../row'

/** What the control does is what A1's most important kinds do. */
const CONTROLLED = ['provision', 'change-plan', 'delete']

/** A2: the same calls in plain functions, which A1 must reject. */
export const control: Row = {
  name: 'A2',
  says: 'the same calls in plain functions, without steps, ledger or names that are found again: must break',
  async run({ shop, kinds, ...task }) {
    const tally = new Tally(task)
    for (const kind of KINDS.filter(({ name }) => CONTROLLED.includes(name))) {
      if (kinds.length > 0 && !kinds.includes(kind.name)) continue
      const trial = await Trial.of(shop, kind)
      const plain = { change: unlike, recipes: plainRecipes, rests: 0 }
      const calm = await trial.run([], plain)
      if (tally.isMine) tally.note(`${kind.name} in plain functions, without a crash`, calm)
      let broken = 0
      for (const [moment, name] of (calm.moments[0] ?? []).entries()) {
        if (!tally.isMine) continue
        const { wrong } = await trial.run([moment], plain)
        tally.count('points')
        // That it breaks is what it is for.
        tally.note(`${kind.name} in plain functions: ${name}`, { wrong: [] })
        if (wrong.length === 0) continue
        broken++
        tally.count('broken')
        if (name !== 'commit') tally.count(`${kind.name} breaks at ${name}`)
      }
      tally.count(`${kind.name} broken`, broken)
    }
    return tally.found
  },
  lacks({ figures }) {
    if (!figures.points) return 'no crash was tried'
    const whole = CONTROLLED.filter((name) => figures[`${name} broken`] === 0)
    return whole.length === 0 ? null : `the control did not break for ${whole.join(', ')}`
  },
}
