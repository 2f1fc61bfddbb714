import { unavailable } from '../../errors'
import { REMEMBERED_FAILURE } from '../payments'
import { asStripeFailure } from './failure'

/** How many keys one change may use up. */
const KEYS_MAX = 10

type Answered<T> = T & { lastResponse: { headers: Record<string, string> } }

/**
 * Changes an object unless it is as wanted already, so that a repetition is harmless however long ago the first was.
 * Under a key that was used before Stripe only says again what it said then, a failure or how things stood: then the
 * object is looked at again, and only when it is not as wanted it is asked for under the next key.
 */
export async function bringAbout<T>(
  key: string,
  look: () => Promise<T>,
  isDone: (known: T) => boolean,
  ask: (known: T, key: string) => Promise<Answered<T>>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const known = await look()
    if (isDone(known)) return known
    try {
      const answer = await ask(known, attempt === 1 ? key : `${key}-${attempt}`)
      if (!isReplay(answer)) return answer
      if (attempt === KEYS_MAX) throw unavailable('Stripe only repeats itself.', { outcome: 'unknown' })
    } catch (thrown) {
      const { vendorCode, code } = asStripeFailure(thrown)
      // Not there any more, and yet it was a moment ago: somebody else may have just done it.
      const mayBeDone = vendorCode === REMEMBERED_FAILURE || code === 'not_found'
      if (!mayBeDone || attempt === KEYS_MAX) throw thrown
    }
  }
}

/** With fetch below it the SDK hands on a Headers where its types say a plain object. */
function isReplay({ lastResponse }: Answered<unknown>): boolean {
  return new Headers(lastResponse.headers).get('idempotent-replayed') === 'true'
}
