import { AtlasError } from '../errors'
import { ACTIONS } from './acts'
import type { Land } from './land'
import type { Act, Customer } from './story'

const AGAIN_MS = 4_000
const TRIES_MAX = 40
const PATIENCE_MS = 3 * 3_600_000
/** What is not there yet is looked for again, until a lost webhook must have been made up for. */
const PATIENT = new Set(['approve'])
const LOOKS_MS = [5_000, 60_000, 30 * 60_000, 3_600_000, 3_600_000]
/** Who was refused here has no reason to stay. */
const FIRST = new Set(['sign up', 'pay', 'approve'])

/** Why Atlas said no, in its own code; undefined when it said yes. */
type Refusal = AtlasError['code'] | undefined
type Answer = { refusal: Refusal; at: number }

/** The customers and operators of a story: each does one thing after the other, whatever becomes of Atlas. */
export class People {
  private readonly waiting = new Set<{ isTime: () => boolean; go: () => void }>()
  private left: number

  constructor(
    private readonly land: Land,
    customers: readonly Customer[],
  ) {
    this.left = customers.length
    for (const customer of customers) void this.live(customer)
  }

  /** Lets those go on whose time has come; returns whether all have done everything. */
  look(): boolean {
    for (const one of this.waiting) {
      if (!one.isTime()) continue
      this.waiting.delete(one)
      one.go()
    }
    return this.left === 0
  }

  private async live(customer: Customer): Promise<void> {
    for (const act of customer.acts) {
      await this.land.pause(act.after)
      if (!act.atOnce) await this.untilSettled(customer)
      await this.land.write(customer.name)
      const isDone = await this.press(customer, act)
      if (!isDone && FIRST.has(act.kind)) break
    }
    this.left--
  }

  /** One person presses, or two at once. */
  private async press(customer: Customer, act: Act): Promise<boolean> {
    const hands = act.twice ? ['one', 'two'] : ['one']
    const answers = await Promise.all(hands.map((hand) => this.insist(customer, act.kind, hand)))
    const yes = answers.filter(({ refusal }) => refusal === undefined)
    const isSameMoment = new Set(yes.map(({ at }) => at)).size < yes.length
    if (isSameMoment && EXCLUSIVE.has(act.kind))
      this.land.watch.tell(`both were told yes: ${act.kind} ${customer.name}`)
    return yes.length > 0
  }

  /** Presses again while Atlas is down or busy. */
  private async insist(customer: Customer, kind: string, hand: string): Promise<Answer> {
    let looks = 0
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const answer = await this.ask(customer, kind, hand)
      const later = PATIENT.has(kind) && answer === 'not_found' ? LOOKS_MS[looks++] : undefined
      if (later !== undefined) {
        await this.land.pause(later)
        continue
      }
      if (answer !== 'unavailable' && answer !== 'down') {
        this.land.tell(
          `${hand === 'two' ? 'another' : 'somebody'}: ${kind} ${customer.name} -> ${answer ?? 'yes'}`,
        )
        return { refusal: answer, at: this.land.time.now() }
      }
      await this.land.pause(AGAIN_MS)
    }
    return { refusal: 'unavailable', at: this.land.time.now() }
  }

  private async ask(customer: Customer, kind: string, hand: string): Promise<Refusal | 'down'> {
    const { life, clouds } = this.land
    const { services, fate } = life
    if (!services || fate.isDead) return 'down'
    const action = async () =>
      ACTIONS[kind]?.({ services, clouds, customer, actor: { id: `operator:${hand}` } })
    try {
      const isAnswered = await Promise.race([action().then(() => true), fate.death.promise.then(() => false)])
      if (!isAnswered || fate.isDead) return 'down'
      this.land.promise(countAudits(this.land))
      return undefined
    } catch (thrown) {
      if (fate.isDead) return 'down'
      if (thrown instanceof AtlasError && thrown.code !== 'internal') return thrown.code
      this.land.watch.tell(`unforeseen: ${kind} threw ${String(thrown)}`)
      return 'internal'
    }
  }

  /** People look at the page and wait until it says that nothing is being done. */
  private untilSettled(customer: Customer): Promise<void> {
    const giveUpAt = this.land.time.now() + PATIENCE_MS
    const isTime = () => isSettled(this.land, customer) || this.land.time.now() > giveUpAt
    if (isTime()) return Promise.resolve()
    return new Promise((go) => this.waiting.add({ isTime, go }))
  }
}

/** Of these only one of two can be right. */
const EXCLUSIVE = new Set([
  ...[
    'approve',
    'suspend',
    'resume',
    'change plan',
    'back up',
    'make an image',
    'restore',
    'move',
    'rotate secrets',
  ],
  ...['delete', 'delete at once', 'retry', 'undo'],
])

function isSettled({ shop }: Land, { name }: Customer): boolean {
  const { n } = shop.tables
    .statement(
      `SELECT (SELECT count(*) FROM runs WHERE status IN ('queued', 'running', 'waiting') AND tenant_id =
                (SELECT id FROM tenants WHERE subdomain = ?1 ORDER BY created_at DESC LIMIT 1))
            + (SELECT count(*) FROM inbox WHERE status = 'received') AS n`,
    )
    .get(name) as { n: number }
  return n === 0
}

function countAudits({ shop }: Land): number {
  return (shop.tables.statement('SELECT count(*) AS n FROM audit_events').get() as { n: number }).n
}
