import { endOf, hasEnded, nextPeriod, type Subscription } from './billing'
import { collect } from './collection'
import type { Invoice } from './invoice'
import { DRAFT_LASTS_S, finalize, periodLines, type Scene, writeInvoice } from './invoicing'
import { endSubscription } from './subscriptions'

/** A period is over: the subscription ends, if that was asked for, or its next one begins and is billed. */
export function turnPeriod(scene: Scene, known: Subscription, draftLastsS = DRAFT_LASTS_S): Invoice | null {
  const { store, events, origin } = scene
  if (known.cancel_at_period_end) {
    endSubscription(scene, known, endOf(known))
    return null
  }
  const [item] = known.items.data
  const period = { start: item?.current_period_start ?? 0, end: endOf(known) }
  const turned = nextPeriod(known)
  const writing = {
    reason: 'subscription_cycle' as const,
    lines: periodLines(scene, turned),
    period,
    draftLastsS,
  }
  const draft = writeInvoice(scene, turned, writing)
  const renewed = store.subscriptions.put({ ...turned, latest_invoice: draft.id })
  events.emit('customer.subscription.updated', renewed, origin)
  return draft
}

/** Ends the present period now and charges for the next one at once. */
export function renewNow(scene: Scene, known: Subscription): void {
  if (hasEnded(known)) return
  const { store } = scene
  const now = store.seconds()
  const data = known.items.data.map((item) => ({ ...item, current_period_end: now }))
  const cut = { ...known, billing_cycle_anchor: now, items: { ...known.items, data } }
  const draft = turnPeriod(scene, cut, 0)
  if (draft) collect(scene, finalize(scene, draft))
}
