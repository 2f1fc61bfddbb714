import { KINDS, Trial } from '../kinds'
import { type Row, Tally } from '../row'

const CANCEL = 'stripe DELETE /subscriptions/:id'
/** How the call that ends a subscription goes wrong, once or again and again. */
const WAYS = ['reply lost', 'hangs', 'own error', 'too many requests', 'unreachable']
const TIMES = [1, 3]
const OUTAGES_MS = [60_000, 20 * 60_000]

/** C6: time-outs while a subscription is cancelled during a delete, with and without a crash. */
export const cancelling: Row = {
  name: 'C6',
  says: 'time-outs while cancelling during a delete: nobody pays for nothing, nothing runs unpaid for more than an hour',
  async run({ shop, ...task }) {
    const tally = new Tally(task)
    const kind = KINDS.find(({ name }) => name === 'delete')
    if (!kind) return tally.found
    const trial = await Trial.of(shop, kind)
    for (const how of WAYS) {
      for (const times of TIMES) {
        const weather = Array.from({ length: times }, (_, index) => ({ call: CANCEL, nth: index + 1, how }))
        for (const death of [[], [`before ${CANCEL}`], [`during ${CANCEL}`], [`after ${CANCEL}`]]) {
          if (!tally.isMine) continue
          const ending = await trial.run(death, { story: { weather } })
          tally.count('struck', ending.strikes.length)
          tally.note(`${times} x ${how}, dies ${death.join()}`, ending)
        }
      }
    }
    for (const ms of OUTAGES_MS) {
      if (!tally.isMine) continue
      const outages = [{ provider: 'stripe', at: 0, ms }]
      tally.note(`Stripe away for ${ms / 60_000} minutes`, await trial.run([], { story: { outages } }))
    }
    return tally.found
  },
  lacks: ({ figures }) => ((figures.struck ?? 0) > 0 ? null : 'no call went wrong'),
}
