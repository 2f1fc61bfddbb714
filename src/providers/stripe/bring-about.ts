import { REMEMBERED_FAILURE } from '../payments'
import { asStripeFailure } from './failure'

/** How many keys one change may use up. */
const KEYS_MAX = 10

/**
 * Changes an object unless it is as wanted already, so that a repetition is harmless however long ago the first was.
 * Under a key whose failure Stripe remembers nothing can come about any more: then the object is looked at again,
 * and only when the failure really did nothing it is asked for under the next key.
 */
export async function bringAbout<T>(
  key: string,
  look: () => Promise<T>,
  isDone: (known: T) => boolean,
  ask: (known: T, key: string) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const known = await look()
    if (isDone(known)) return known
    try {
      return await ask(known, attempt === 1 ? key : `${key}-${attempt}`)
    } catch (thrown) {
      const { vendorCode, code } = asStripeFailure(thrown)
      // Not there any more, and yet it was a moment ago: somebody else may have just done it.
      const mayBeDone = vendorCode === REMEMBERED_FAILURE || code === 'not_found'
      if (!mayBeDone || attempt === KEYS_MAX) throw thrown
    }
  }
}
