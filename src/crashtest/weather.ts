import type { Fault } from '../simulator/faults'
import type { Clouds } from '../simulator/simulator'
import type { Outage, Story, Strike } from './story'

type Planned = Pick<Fault, 'kind'> & Partial<Pick<Fault, 'code' | 'status' | 'delayMs'>>

/** What can go wrong with a call, by the name that a story gives it. */
const WAYS: Record<string, Planned> = {
  'reply lost': { kind: 'lose_reply' },
  hangs: { kind: 'timeout' },
  slow: { kind: 'slow', delayMs: 8_000 },
  'too many requests': { kind: 'refuse', status: 429 },
  'own error': { kind: 'refuse', status: 500 },
  'not available': { kind: 'refuse', status: 503 },
  locked: { kind: 'refuse', status: 423, code: 'locked' },
  'name taken': { kind: 'refuse', status: 409, code: 'uniqueness_error' },
  throttled: { kind: 'refuse', status: 400, code: 'Throttling' },
  'prior change': { kind: 'refuse', status: 400, code: 'PriorRequestNotComplete' },
  'slow down': { kind: 'refuse', status: 503, code: 'SlowDown' },
  busy: { kind: 'refuse', code: 'unavailable' },
}

/** Ways that are no fault of a twin's. */
const UNREACHABLE = 'unreachable'
const STALE_LIST = 'stale list'
const BUSY = 'busy'
const LAG_MS = 3_000

/** All that a story can have go wrong. */
export const WAYS_TO_FAIL: readonly string[] = [...Object.keys(WAYS), UNREACHABLE, STALE_LIST]

const LOST = 'reply lost'
/** Of the calls that go wrong, how many only lose their reply; the others go wrong in one of these ways. */
const LOST_SHARE = 0.7
const OTHERS: Record<string, string[]> = {
  stripe: ['too many requests', 'own error', 'slow', 'hangs', UNREACHABLE],
  hetzner: ['too many requests', 'not available', 'locked', 'own error', STALE_LIST, 'hangs', UNREACHABLE],
  route53: ['throttled', 'prior change', 'own error', 'hangs', UNREACHABLE],
  resend: ['too many requests', 'own error', 'hangs', UNREACHABLE],
  s3: ['slow down', UNREACHABLE],
  machine: ['busy', 'slow'],
}
const CONNECT = ['hangs', UNREACHABLE]

/** A call that is about to be made; `isRepeated` when the other side knows it from before. */
export type Asked = { provider: string; verb: string; isRepeated?: boolean }

/** What goes wrong in a story, and what did. */
export class Weather {
  /** Every call that went wrong, so that the same can be told without the dice. */
  readonly strikes: Strike[] = []
  private readonly counts = new Map<string, number>()
  /** Ids of the faults that wait in the clouds. */
  private readonly set = new Set<string>()
  private isOver = false

  constructor(
    private readonly story: Pick<Story, 'seed' | 'weather' | 'outages'>,
    private readonly beganAt: number,
  ) {}

  /** From now on everything works. */
  end(): void {
    this.isOver = true
  }

  /** Whether a call can't even be made; what else goes wrong with it is set in the clouds. */
  keepsFrom({ provider, verb, isRepeated = false }: Asked, clouds: Clouds): boolean {
    // What was to go wrong with a call that never got through does not wait for the next one.
    for (const fault of clouds.front.faults.list()) {
      if (fault.provider === provider && fault.verb === verb && this.set.delete(fault.id))
        clouds.front.faults.remove(fault.id)
    }
    if (this.isOver) return false
    if (this.isOut(provider, clouds.world.now())) return true
    const call = `${provider} ${verb}`
    const nth = (this.counts.get(call) ?? 0) + 1
    this.counts.set(call, nth)
    const drawn = this.wayOf(provider, verb, nth)
    // An agent that knows a command's id tells what became of it; it never refuses it anew.
    const how = drawn === BUSY && isRepeated ? LOST : drawn
    if (!how) return false
    this.strikes.push({ call, nth, how })
    if (how === UNREACHABLE) return true
    if (how === STALE_LIST) clouds.hetzner.stale(LAG_MS)
    const planned = WAYS[how]
    if (planned) this.set.add(clouds.front.faults.add({ provider, verb, times: 1, ...planned }).id)
    return false
  }

  private isOut(provider: string, nowMs: number): boolean {
    const isNow = ({ at, ms }: Outage) => nowMs >= this.beganAt + at && nowMs < this.beganAt + at + ms
    return this.story.outages.some((outage) => outage.provider === provider && isNow(outage))
  }

  private wayOf(provider: string, verb: string, nth: number): string | undefined {
    const { seed, weather } = this.story
    const call = `${provider} ${verb}`
    if (typeof weather !== 'number') return weather.find((one) => one.call === call && one.nth === nth)?.how
    const drawn = draw(`${seed} ${call} ${nth}`)
    if (drawn >= weather) return undefined
    const which = drawn / weather
    if (which < LOST_SHARE && verb !== 'connect') return LOST
    const ways = verb === 'connect' ? CONNECT : [...(OTHERS[provider] ?? []), ...named(provider, verb)]
    return ways[Math.floor(draw(`${seed} ${call} ${nth} way`) * ways.length)]
  }
}

/** What only calls that make something can meet. */
function named(provider: string, verb: string): string[] {
  return provider === 'hetzner' && /^POST \/(servers|firewalls)$/.test(verb) ? ['name taken'] : []
}

/** A number in [0, 1) that follows from a text. */
function draw(text: string): number {
  return Number(Bun.hash.wyhash(text) % 1_000_003n) / 1_000_003
}
