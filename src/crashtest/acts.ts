import { latestBackup } from '../backups/backup'
import { backUpTenant } from '../backups/recipe'
import { restoreTenant } from '../backups/restore'
import { startCheckout } from '../checkouts/start'
import type { Tx } from '../db/open'
import { demoImages } from '../demo/goods'
import { deployTenant } from '../deployments/deploy'
import { conflict, notFound } from '../errors'
import { approveSignup } from '../lifecycle/approve'
import { deleteTenant } from '../lifecycle/deletion'
import { cancel, retry, undo } from '../lifecycle/mend'
import { moveToNewServer } from '../lifecycle/move'
import { changePlan } from '../lifecycle/plan-change'
import { choosePlan } from '../lifecycle/plan-choice'
import { rotateSecrets } from '../lifecycle/secret-rotation'
import { resumeTenant, suspendTenant } from '../lifecycle/suspension'
import { createRelease } from '../releases/find'
import { latestRun, type RunRow } from '../runs/run'
import type { Services } from '../services'
import type { Machine } from '../simulator/machines/machine'
import type { Clouds } from '../simulator/simulator'
import { serverOf, type TenantRow } from '../tenants/tenant'
import { emailOf, findSignup, mustFindTenant, subscriptionOf } from './customer'
import type { Customer } from './story'

/** Where somebody acts: on which Atlas, for which customer, and as whom. */
export type Scene = { services: Services; clouds: Clouds; customer: Customer; actor: { id: string } }

/** Does one thing as its button or webhook would. Throws the AtlasError that a person would be shown. */
type Action = (scene: Scene) => void | Promise<void>

/** Everything that people do in a story. A new kind is a line here. */
export const ACTIONS: Record<string, Action> = {
  'sign up': signUp(({ plan }) => plan),
  'choose another plan': signUp(({ plan }) => (plan === 'pro' ? 'starter' : 'pro')),
  pay: async ({ clouds, services, customer }) => {
    const { checkoutUrl } = findSignup(services, customer, 'pending')
    if (!checkoutUrl) throw notFound('There is no checkout.')
    const form = new URLSearchParams({ email: emailOf(customer), ...CARD })
    const answer = await clouds.front.answer(new Request(checkoutUrl, { method: 'POST', body: form }))
    if (answer.status !== 303) throw notFound('The checkout is closed.')
  },
  approve: ({ services, customer, actor }) => {
    const { db, clock } = services
    const { id } = findSignup(services, customer, 'paid')
    db.write((tx) => approveSignup(tx, services, id, actor, clock.now()))
  },
  suspend: onTenant((tx, { services, ...by }, { id }) =>
    suspendTenant(tx, services, id, { ...by, because: 'operator' }),
  ),
  resume: onTenant((tx, { services, ...by }, { id }) => resumeTenant(tx, services, id, by)),
  'change plan': async ({ services, customer, actor }) => {
    const { id, planId } = mustFindTenant(services.db.read, customer)
    const other = planId === 'virtues/pro' ? 'virtues/starter' : 'virtues/pro'
    const change = await choosePlan(services, id, other)
    const nowMs = services.clock.now()
    services.db.write((tx) => changePlan(tx, services, id, { actor, nowMs, change }))
  },
  'back up': onTenant((tx, { services, ...by }, { id }) =>
    backUpTenant(tx, services, id, { ...by, reason: 'by_hand', method: 'app' }),
  ),
  'make an image': onTenant((tx, { services, ...by }, { id }) =>
    backUpTenant(tx, services, id, { ...by, reason: 'by_hand', method: 'image' }),
  ),
  restore: onTenant((tx, { services, ...by }, { id }) => {
    const backup = latestBackup(tx, id)
    if (!backup) throw notFound('There is no backup.')
    restoreTenant(tx, services, id, { ...by, backupId: backup.id })
  }),
  deploy: deploy('v45', 'forward'),
  'deploy after a backup': deploy('v45', 'forward', { backup: true }),
  'take back': deploy('v42', 'back'),
  move: onTenant((tx, { services, ...by }, { id }) => moveToNewServer(tx, services, id, by)),
  // For a server that does not answer: older data is better than none.
  'move with a backup': onTenant((tx, { services, ...by }, { id }) =>
    moveToNewServer(tx, services, id, { ...by, acceptOlderBackup: true, acceptUnverified: true }),
  ),
  'rotate secrets': onTenant((tx, { services, ...by }, { id }) => rotateSecrets(tx, services, id, by)),
  delete: onTenant((tx, { services, ...by }, { id }) =>
    deleteTenant(tx, services, id, { ...by, coolOffDays: 1 }),
  ),
  'delete at once': onTenant((tx, { services, ...by }, { id }) =>
    deleteTenant(tx, services, id, { ...by, coolOffDays: 0 }),
  ),
  retry: onRun((tx, { services, actor, nowMs }, run) => retry(tx, services, run.id, actor, nowMs)),
  undo: onRun((tx, { services, actor, nowMs }, run) => undo(tx, services, run.id, actor, nowMs)),
  // Also what brings a tenant back in the cool-off of its deletion.
  cancel: onRun((tx, { services, actor, nowMs }, run) => cancel(tx, services, run.id, actor, nowMs)),
  'app breaks': ({ clouds }) => {
    clouds.front.faults.add({
      provider: 'machine',
      verb: 'start',
      kind: 'refuse',
      code: 'conflict',
      times: 1,
    })
  },
  // Longer than a step tries: nobody tells Atlas that the record was made.
  'record is not confirmed': ({ clouds }) => {
    const call = { provider: 'route53', verb: 'ChangeResourceRecordSets' }
    clouds.front.faults.add({ ...call, kind: 'lose_reply', times: 10 })
  },
  'server freezes': ({ services, clouds, customer }) => {
    const { id } = mustFindTenant(services.db.read, customer)
    const { externalId } = serverOf(services.db.read, id)
    const machine = clouds.world.table<Machine>('machines').get(externalId ?? '')
    if (!machine) throw notFound('There is no server.')
    clouds.machines.pause(machine.id)
  },
  'card declines': atStripe(({ stripe }, customer) => stripe.failNextCharge(emailOf(customer))),
  'period ends': atStripe(({ stripe }, _customer, subscription) => stripe.renewNow(subscription())),
  'pays what is open': atStripe(({ stripe }, _customer, subscription) =>
    stripe.payOpenInvoice(subscription()),
  ),
  'customer cancels': atStripe(({ stripe }, _customer, subscription) =>
    stripe.cancelByCustomer(subscription()),
  ),
}

const CARD = { number: '4242 4242 4242 4242', expiry: '12 / 34', cvc: '123', name: 'A Customer' }

/** Fills in the form as a customer does, also one who comes back to it. */
function signUp(planOf: (customer: Customer) => string): Action {
  return async ({ services, customer }) => {
    const form = { subdomain: customer.name, email: emailOf(customer), plan: `virtues/${planOf(customer)}` }
    const { problem } = await startCheckout(services, form, { id: 'visitor' })
    if (problem) throw problem
  }
}

/** Brings a tenant to a release that the registry has as good. */
function deploy(tag: string, way: 'forward' | 'back', says: { backup?: boolean } = {}): Action {
  return async ({ services, clouds, customer, actor }) => {
    const { db, clock } = services
    const { id, blueprint } = mustFindTenant(db.read, customer)
    for (const image of clouds.registry.list().length === 0 ? demoImages() : [])
      clouds.registry.publish(image)
    const asked = { blueprint, tag, migration: 'none' as const, ...says, actor }
    const { id: releaseId } = await createRelease(services, asked)
    db.write((tx) => deployTenant(tx, services, id, { releaseId, way, actor, nowMs: clock.now() }))
  }
}

/** What customers and time do at Stripe, which has its own reasons to refuse. */
function atStripe(act: (clouds: Clouds, customer: Customer, subscription: () => string) => void): Action {
  return ({ clouds, services, customer }) => {
    try {
      act(clouds, customer, () => subscriptionOf(services, customer))
    } catch (thrown) {
      throw conflict('Stripe does not let them.', { cause: thrown })
    }
  }
}

/** Who does something, when, on which Atlas. */
type By = { services: Services; actor: { id: string }; nowMs: number }

function onTenant(verb: (tx: Tx, by: By, tenant: TenantRow) => void): Action {
  return ({ services, actor, customer }) => {
    const { db, clock } = services
    const by = { services, actor, nowMs: clock.now() }
    db.write((tx) => {
      verb(tx, by, mustFindTenant(tx, customer))
    })
  }
}

function onRun(verb: (tx: Tx, by: By, run: RunRow) => void): Action {
  return onTenant((tx, by, tenant) => {
    const run = latestRun(tx, tenant.id)
    if (!run) throw notFound('Nothing was ever done to this tenant.')
    verb(tx, by, run)
  })
}
