import { type Kind, RUNS, Trial } from '../kinds'
import type { Ending } from '../play'
import { type Row, Tally } from '../row'

/** Each moment has one of them. */
const AGES_MS = [1_000, 60_000, 3_000, 10_000, 30_000]
const AGAIN_MS = 5 * 60_000
/** What deletes servers because somebody asked for it. */
const DELETES = ['undo', 'undo-unconfirmed', 'delete', 'move', 'undo-move']

/** A5: a start from a database that is older than the clouds, at every moment of every kind of run. */
export const older: Row = {
  name: 'A5',
  says: 'a start from a database 1 to 60 s older than the clouds: taken up again, nothing twice, nothing deleted by itself',
  async run({ shop, kinds, ...task }) {
    const tally = new Tally(task)
    for (const kind of RUNS) {
      if (kinds.length > 0 && !kinds.includes(kind.name)) continue
      const trial = await Trial.of(shop, { ...kind, becomes: null, run: null })
      const moments = (await trial.run([], { rests: 0 })).moments[0] ?? []
      for (const [moment, name] of moments.entries()) {
        if (!tally.isMine) continue
        const forgetsMs = AGES_MS[moment % AGES_MS.length] ?? 0
        const ending = await forgetful(trial, kind, moment, forgetsMs)
        tally.note(`${kind.name}, ${forgetsMs / 1_000} s older at moment ${moment} (${name})`, ending)
      }
    }
    return tally.found
  },
}

/** Whoever asked for it asks again: Atlas may have forgotten it. What nobody knows any more is for a person to apply. */
async function forgetful(trial: Trial, kind: Kind, moment: number, forgetsMs: number): Promise<Ending> {
  const acts = kind.acts.flatMap((act) => [
    { kind: act, after: 1_000 },
    { kind: act, after: AGAIN_MS },
  ])
  const customers = [{ name: 'ada', plan: 'starter' as const, acts }]
  const ending = await trial.run([moment], { story: { customers }, forgetsMs, applies: true })
  const byItself = ending.trace.findIndex((line) => line.includes('hetzner DELETE /servers'))
  const asked = ending.trace.findIndex((line) => /the operator (applies|takes back)/.test(line))
  const isFirst = byItself !== -1 && (asked === -1 || byItself < asked)
  if (!isFirst || DELETES.includes(kind.name)) return ending
  return {
    ...ending,
    wrong: [...ending.wrong, `A server was deleted that nobody asked to delete: ${ending.trace[byItself]}`],
  }
}
