import { and, eq, inArray } from 'drizzle-orm'
import { auditEvents, outbox, payments, runs, subscriptions, tenants } from '../../src/db/schema'
import { approveSignup } from '../../src/lifecycle/approve'
import { resumeRecipe, suspendRecipe } from '../../src/lifecycle/suspension'
import { factsOf } from '../../src/runs/run'
import type { Till } from './till'

/** A customer whose site runs: what became of their money, and what money made of their tenant. */
export class Tenancy {
  private constructor(
    private readonly till: Till,
    readonly tenantId: string,
    readonly organizationId: string,
    readonly stripeId: string,
    readonly customerId: string,
  ) {}

  /** Sells a site and lets it run. */
  static async open(till: Till, name = 'ada'): Promise<Tenancy> {
    const { db, services, stage, clock, account } = till
    const signupId = stage.signup(name, `${name}@example.com`)
    await till.pay(await till.open(signupId))
    await till.later()
    if (till.row(signupId).status === 'pending') await till.sweep(signupId)
    const { tenantId, runId } = db.write((tx) =>
      approveSignup(tx, services, signupId, { id: 'test' }, clock.now()),
    )
    db.write((tx) => {
      tx.update(runs).set({ status: 'succeeded' }).where(eq(runs.id, runId)).run()
      tx.update(tenants).set({ status: 'active' }).where(eq(tenants.id, tenantId)).run()
    })
    const sold = account.twin.store.subscriptions.find((one) => one.metadata.signup_id === signupId)!
    const { organizationId } = till.row(signupId)
    return new Tenancy(till, tenantId, organizationId!, sold.id, sold.customer)
  }

  private get read() {
    return this.till.db.read
  }

  get tenant() {
    return this.read.select().from(tenants).where(eq(tenants.id, this.tenantId)).get()!
  }

  get subscription() {
    const mine = eq(subscriptions.organizationId, this.organizationId)
    return this.read.select().from(subscriptions).where(mine).get()!
  }

  /** By invoice. */
  get payments() {
    const mine = eq(payments.organizationId, this.organizationId)
    return this.read.select().from(payments).where(mine).orderBy(payments.stripeInvoiceId).all()
  }

  /** Suspensions and resumptions, oldest first. */
  get runs() {
    const mine = and(eq(runs.tenantId, this.tenantId), inArray(runs.kind, ['suspend', 'resume']))
    return this.read.select().from(runs).where(mine).orderBy(runs.createdAt, runs.id).all()
  }

  /** What was noted of the money, oldest first. */
  get notes() {
    const mine = eq(auditEvents.subject, this.organizationId)
    return this.read.select().from(auditEvents).where(mine).orderBy(auditEvents.at, auditEvents.id).all()
  }

  get mailsToOperator() {
    const mine = and(eq(outbox.kind, 'unpaid-notice'), eq(outbox.subject, this.organizationId))
    return this.read.select().from(outbox).where(mine).all()
  }

  /** Lets the suspension or resumption that was queued come to its end. */
  finishRun(): void {
    const { db, services, clock } = this.till
    const queued = this.runs.find(({ status }) => status === 'queued')
    if (!queued) return
    const recipe = queued.kind === 'suspend' ? suspendRecipe(services) : resumeRecipe(services)
    db.write((tx) => {
      recipe.succeeded(tx, factsOf(queued), clock.now())
      tx.update(runs).set({ status: 'succeeded' }).where(eq(runs.id, queued.id)).run()
    })
  }

  /** Has the run that was queued end otherwise. */
  breakRun(status: 'failed' | 'cancelled'): void {
    const queued = and(eq(runs.tenantId, this.tenantId), eq(runs.status, 'queued'))
    this.till.db.write((tx) => tx.update(runs).set({ status }).where(queued).run())
  }
}
