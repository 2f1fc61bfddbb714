import { copied } from './copied'
import type { Base } from './objects'
import type { Store } from './store'

/** What Stripe calls its version of the API; the SDK that Atlas uses pins the same. */
export const API_VERSION = '2026-10-28.endive'

/** Which request made something happen; both are null for what a person or time did. */
export type Origin = { id: string | null; idempotency_key: string | null }

export const NO_REQUEST: Origin = { id: null, idempotency_key: null }

export type Event = ReturnType<typeof event>

function event(base: Base, type: string, object: object, request: Origin) {
  return {
    ...base,
    object: 'event' as const,
    api_version: API_VERSION,
    data: { object: copied(object) },
    livemode: false,
    pending_webhooks: 1,
    request,
    type,
  }
}

/** Writes an event with the object as it is at this moment; `onEvent` sends it on its way. */
export class Events {
  constructor(
    private readonly store: Store,
    private readonly onEvent: (event: Event) => void,
  ) {}

  /** The same, at another time of the account. */
  at(store: Store): Events {
    return new Events(store, this.onEvent)
  }

  emit(type: string, object: object, request: Origin): void {
    this.onEvent(this.store.events.put(event(this.store.base('evt'), type, object, request)))
  }
}
