import { KINDS, type Kind, Trial } from '../kinds'
import { type Found, pairsOf, type Row, Tally, type Task } from '../row'

/** A1: crashes at every moment of every kind of run, one at a time and two in one run. */
export const crashes: Row = {
  name: 'A1',
  says: ({ kinds, everyPair }) =>
    `a crash at every effect and every commit of ${kinds.join(', ') || 'every kind of run'}, and ${pairsOf(everyPair)}`,
  run: (task) => crashKinds(task, KINDS),
  lacks: ({ figures }) => (figures.singles ? null : 'no crash was tried'),
}

/** The same of the two kinds that give addresses back, read for what a name points to. */
export const dangling: Row = {
  name: 'dangling',
  says: 'one crash at every moment of a delete or an undo: no name points to an address that is not ours',
  run: async (task) =>
    crashKinds(
      { ...task, everyPair: 0 },
      KINDS.filter(({ name }) => name === 'delete' || name === 'undo'),
    ),
  lacks: ({ figures }) => (figures.singles ? null : 'no crash was tried'),
}

async function crashKinds(task: Task, kinds: readonly Kind[]): Promise<Found> {
  const tally = new Tally(task)
  for (const kind of kinds) {
    if (task.kinds.length > 0 && !task.kinds.includes(kind.name)) continue
    const trial = await Trial.of(task.shop, kind)
    const calm = await trial.run([])
    tally.note(`${kind.name} without a crash`, calm)
    for (const first of (calm.moments[0] ?? []).keys()) await crashAt(tally, trial, task, first)
  }
  return tally.found
}

/** One crash, then each second one in the life that follows it. */
async function crashAt(tally: Tally, trial: Trial, { everyPair }: Task, first: number): Promise<void> {
  // Whoever tells the pairs of a moment must know what follows it, so one process has all of them.
  if (!tally.isMine) return
  const { kind } = trial
  const single = await trial.run([first])
  const [before, after] = single.moments
  tally.count('singles')
  tally.note(`${kind.name}: ${before?.at(-1)}`, single)
  for (const [second, moment] of (after ?? []).entries()) {
    if (everyPair === 0 || (first * 31 + second) % everyPair !== 0) {
      tally.count('pairs_left_out')
      continue
    }
    tally.count('pairs')
    tally.note(
      `${kind.name}: ${before?.at(-1)}, then ${moment}`,
      await trial.run([first, second], { rests: 0 }),
    )
  }
}
