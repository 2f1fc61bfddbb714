import { presented } from './checkout'
import { expanded } from './expand'
import type { Params } from './form'
import type { Session } from './session'
import type { Store } from './store'

/** What goes over the wire: sessions with their address, ids filled in where `expand[]` asks for it. */
export class View {
  constructor(
    private readonly store: Store,
    private readonly publicUrl: () => string,
  ) {}

  /** Throws a refusal for an `expand[]` path that leads nowhere. */
  of(body: object, params: Params): object {
    return expanded(this.shown(body), params, {
      object: (id) => this.find(id),
      included: (parent, name) => this.included(parent, name),
    })
  }

  /** Where a customer pays for this session. */
  payUrl(sessionId: string): string {
    return `${this.publicUrl()}/checkout/pay/${sessionId}`
  }

  private find(id: string): object | undefined {
    const object = this.store.object(id)
    return object && this.shown(object)
  }

  private shown(body: object): object {
    if (isSession(body)) return presented(body, this.payUrl(body.id))
    if ('data' in body && Array.isArray(body.data)) {
      return { ...body, data: body.data.map((one: object) => this.shown(one)) }
    }
    return body
  }

  /** The lists that an object has but the API leaves out. */
  private included(parent: object, name: string): object | undefined {
    const { id, object } = parent as { id?: string; object?: string }
    if (object === 'checkout.session' && name === 'line_items') {
      return this.store.sessions.get(id ?? '')?.line_items
    }
    if (object === 'invoice' && name === 'payments') {
      const data = this.store.by.invoicePayments.of(id ?? '')
      return { object: 'list', data, has_more: false, url: `/v1/invoice_payments?invoice=${id}` }
    }
    return undefined
  }
}

function isSession(body: object): body is Session {
  return 'object' in body && body.object === 'checkout.session'
}
