/** How long a subscription may be unpaid before what it pays for is suspended. */
export const GRACE_PERIOD_MS = 7 * 86_400_000

/** What money says of a tenant: whether it should run and, when not, why. */
export type Standing = { standing: 'active' } | { standing: 'suspended'; because: 'unpaid' | 'canceled' }

/** A subscription as far as its standing goes, from Stripe or from our mirror; UTC milliseconds. */
export type Owing = { status: string; unpaidSince: number | null }

/**
 * Whether a subscription pays for a running tenant at this moment (UTC milliseconds). While Stripe itself calls it
 * active, money is on its way (a bank may take days) or the operator has paused collection: nobody is late.
 */
export function wantedStanding(subscription: Owing, nowMs: number): Standing {
  switch (subscription.status) {
    case 'canceled':
    case 'incomplete_expired':
      return { standing: 'suspended', because: 'canceled' }
    case 'unpaid':
      return { standing: 'suspended', because: 'unpaid' }
  }
  const suspendsAt = graceEndsAt(subscription)
  if (suspendsAt === null || nowMs < suspendsAt) return { standing: 'active' }
  return { standing: 'suspended', because: 'unpaid' }
}

/** When the patience with an overdue subscription ends; null while nothing is overdue. */
export function graceEndsAt(subscription: Owing): number | null {
  const { unpaidSince } = subscription
  return isOverdue(subscription) && unpaidSince !== null ? unpaidSince + GRACE_PERIOD_MS : null
}

/** Whether Stripe has tried to collect and failed. */
export function isOverdue({ status, unpaidSince }: Owing): boolean {
  return unpaidSince !== null && (status === 'past_due' || status === 'unpaid')
}
