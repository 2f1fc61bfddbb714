import { and, desc, eq, ne } from 'drizzle-orm'
import { isEnded, mirrorSubscription, subscriptionOf } from '../billing/mirror'
import type { Reader, Tx } from '../db/open'
import { effects, organizations, tenants } from '../db/schema'
import { asAtlasError, conflict } from '../errors'
import type { PaidSubscription } from '../providers/payments'
import { type Done, done, type RunFacts, type Step, type StepContext } from '../runs/recipe'
import type { Services } from '../services'
import { getTenant, planIdOfRun, type TenantRow } from '../tenants/tenant'

/** Longer than a request can be on its way to Stripe, and shorter than Stripe knows its key. */
const UNDER_WAY_MAX_MS = 3_600_000

/** Moves the subscription to the price of the plan that the run is for; taken back, to its former price. */
export function changeSubscription(services: Services): Step {
  return {
    name: 'change-subscription',
    title: 'Change the subscription',
    again: 'Sets the plan’s price; with the same key, Stripe does that once.',
    takesBack: 'Sets the former price again.',
    run: (context) => becomePrice(services, context, String(context.run.input.priceId)),
    undo: async (context) => {
      await settle(services, context, String(context.run.input.priceId))
      return becomePrice(services, context, String(context.run.input.formerPriceId))
    },
  }
}

/**
 * A price that was asked for and never answered may still come true, after a look that did not see it. Asked for
 * under its key once more, it has come, and can come no more.
 */
async function settle(services: Services, context: StepContext, priceId: string): Promise<void> {
  const { db, run, log, now } = context
  const asked = and(eq(effects.runId, run.id), eq(effects.key, keyOf(run, priceId)))
  const last = db.read
    .select()
    .from(effects)
    .where(asked)
    .orderBy(desc(effects.requestedAt), desc(effects.id))
    .limit(1)
    .get()
  if (last?.outcome !== 'unknown' || now() - last.requestedAt > UNDER_WAY_MAX_MS) return
  log('Nobody knows whether Stripe still gets the new price, so it is set before it is taken back.')
  await becomePrice(services, context, priceId).catch((thrown) => {
    const { code } = asAtlasError(thrown)
    if (code === 'unavailable' || code === 'internal') throw thrown
    // A refusal is an answer too.
  })
}

const keyOf = (run: RunFacts, priceId: string) => `${run.id}-${priceId}`

/** A subscription that has ended keeps its price: there is nothing to change any more, and nothing to take back. */
async function becomePrice(
  services: Services,
  { run, db, effect, log, now }: StepContext,
  priceId: string,
): Promise<Done> {
  const tenant = getTenant(db.read, run.tenantId)
  const id = subscriptionOf(db.read, tenant.organizationId)?.stripeId
  if (!id) throw conflict('There is no subscription whose price could change.')
  const key = keyOf(run, priceId)
  const mirror = (known: PaidSubscription) => (tx: Tx, nowMs: number) =>
    mirrorSubscription(tx, services, tenant.organizationId, known, planIdOfRun(run, tenant), nowMs)
  try {
    const changed = await effect(
      { provider: 'stripe', verb: 'changePrice', key, summary: { subscription: id, price: priceId } },
      () => services.payments.changePrice(id, priceId, key),
      () => id,
    )
    return done({ priceId }, mirror(changed))
  } catch (thrown) {
    const ended = await endedMeanwhile(services, id, thrown)
    if (!ended) throw thrown
    if (run.direction === 'undo') {
      log('The subscription has ended meanwhile, so there is no price to take back.')
      return done({ priceId: ended.priceId }, mirror(ended))
    }
    db.write((tx) => mirror(ended)(tx, now()))
    throw conflict('The subscription has ended meanwhile, so its price can’t change any more.')
  }
}

/** The subscription as it ended, when that is why Stripe refuses; else null. */
async function endedMeanwhile(
  { payments }: Services,
  id: string,
  thrown: unknown,
): Promise<PaidSubscription | null> {
  if (asAtlasError(thrown).code !== 'conflict') return null
  const subscription = await payments.getSubscription(id)
  return isEnded(subscription) ? subscription : null
}

/**
 * Cancels what the organization pays, unless it pays for another tenant that lives. A cancelled subscription stays as
 * it is, so a reply that was lost is made up for by looking.
 */
export function cancelSubscription(services: Services): Step {
  return {
    name: 'cancel-subscription',
    title: 'Cancel the subscription',
    again: 'Looks which subscriptions live, and cancels those.',
    async run(context) {
      const { db, run, now, log } = context
      const tenant = getTenant(db.read, run.tenantId)
      const other = anotherLives(db.read, tenant, now())
      if (other) {
        log(`The subscription goes on: it pays for ${other} too.`)
        return done({ canceled: 0 })
      }
      const live = (await soldSubscriptions(services, db.read, tenant)).filter((one) => !isEnded(one))
      for (const { id } of live) await cancelOne(services, context, id)
      return done({ canceled: live.length })
    },
  }
}

async function cancelOne(services: Services, { db, run, effect, now }: StepContext, id: string) {
  const canceled = await effect(
    { provider: 'stripe', verb: 'cancelSubscription', key: id, summary: { subscription: id } },
    () => services.payments.cancelSubscription(id),
    () => id,
  )
  const { organizationId, planId } = getTenant(db.read, run.tenantId)
  if (subscriptionOf(db.read, organizationId)?.stripeId !== id) return
  db.write((tx) => mirrorSubscription(tx, services, organizationId, canceled, planId, now()))
}

/** What Atlas sold to the tenant's customer; a subscription that somebody made by hand is left alone. */
async function soldSubscriptions(
  { payments }: Services,
  db: Reader,
  { organizationId }: TenantRow,
): Promise<PaidSubscription[]> {
  const mine = eq(organizations.id, organizationId)
  const customerId = db.select().from(organizations).where(mine).get()?.stripeCustomerId
  if (!customerId) return []
  const known = subscriptionOf(db, organizationId)?.stripeId
  const all = await payments.listSubscriptions(customerId)
  return all.filter(({ id, signupId }) => id === known || signupId !== null)
}

/** The name of another tenant of the organization that lives, or that can still be brought back. */
function anotherLives(db: Reader, { id, organizationId }: TenantRow, nowMs: number): string | undefined {
  const others = and(
    eq(tenants.organizationId, organizationId),
    ne(tenants.id, id),
    ne(tenants.status, 'deleted'),
  )
  const isThere = ({ status, deleteAt }: TenantRow) => status !== 'deleting' || (deleteAt ?? 0) > nowMs
  return db.select().from(tenants).where(others).all().find(isThere)?.subdomain
}
