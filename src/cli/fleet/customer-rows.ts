import { ATLAS } from '../../audit'
import * as tables from '../../db/schema'
import { newId } from '../../ids'
import { skeletonOf } from '../../signups/subdomain'
import { effectRow, type History } from './history'
import type { Holding } from './holding'
import type { Pen } from './pen'
import type { Tenancy } from './tenancy'

const CHECKOUT_MS = 400

/** Who pays: their organization, and themselves as its owner. */
export function writeCustomer(pen: Pen, { person, ids, paidAt }: Tenancy, { sold }: Holding): void {
  const { email, subdomain } = person
  pen.write(tables.organizations, {
    id: ids.organization,
    name: subdomain,
    stripeCustomerId: sold.session.customer,
    createdAt: paidAt,
  })
  pen.write(tables.users, { id: ids.user, email, isOperator: false, createdAt: paidAt })
  pen.write(tables.members, {
    organizationId: ids.organization,
    userId: ids.user,
    role: 'owner',
    createdAt: paidAt,
  })
}

/** How they came: a signup that was paid and approved, and the call that opened its checkout. */
export function writeSignup(pen: Pen, tenancy: Tenancy, { sold }: Holding, { liveAt }: History): void {
  const { person, lot, ids, signedUpAt, paidAt, approvedAt } = tenancy
  const { email, subdomain } = person
  const { session } = sold
  const planId = lot.entry.id
  pen.write(tables.signups, {
    id: ids.signup,
    status: 'active',
    subdomain,
    skeleton: skeletonOf(subdomain),
    email,
    planId,
    organizationId: ids.organization,
    checkoutId: session.id,
    checkoutUrl: null,
    checkoutAttempt: 1,
    checkoutExpiresAt: session.expires_at * 1_000,
    paidAt,
    approvedAt,
    approvedBy: ATLAS.id,
    createdAt: signedUpAt,
    updatedAt: liveAt,
    lookedAt: null,
  })
  const opened = {
    provider: 'stripe' as const,
    verb: 'createCheckout',
    key: `${ids.signup}-checkout-1`,
    summary: { plan: planId, email },
    externalId: session.id,
  }
  pen.write(tables.effects, effectRow({ subject: ids.signup }, opened, signedUpAt, CHECKOUT_MS))
}

/** What they pay: the subscription as Stripe has it, and its first payment. */
export function writeMoney(pen: Pen, { lot, ids, paidAt }: Tenancy, { sold }: Holding): void {
  const { subscription, invoice } = sold
  const [item] = subscription.items.data
  pen.write(tables.subscriptions, {
    id: newId('sub', paidAt),
    organizationId: ids.organization,
    stripeId: subscription.id,
    status: subscription.status,
    priceId: lot.entry.priceId,
    planId: lot.entry.id,
    currentPeriodEnd: (item?.current_period_end ?? 0) * 1_000,
    cancelAtPeriodEnd: false,
    createdAt: paidAt,
    updatedAt: paidAt,
    ...lot.entry.plan.price,
    unpaidSince: null,
    canceledAt: null,
  })
  pen.write(tables.payments, {
    id: newId('pay', paidAt),
    organizationId: ids.organization,
    stripeInvoiceId: invoice.id,
    amount: invoice.amount_paid,
    currency: invoice.currency,
    status: 'paid',
    paidAt: (invoice.status_transitions.paid_at ?? 0) * 1_000,
    createdAt: paidAt,
  })
}
