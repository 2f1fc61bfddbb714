import { chanceFrom } from './chance'
import type { Act, Customer, Jump, Outage, Story } from './story'

type Chance = () => number

const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS
const NAMES = ['ada', 'bea', 'cyd'] as const
/** How many customers a story has. */
const MANY = [...Array<number>(38).fill(1), 2, 3]
/** How many stories begin with somebody who is a customer already. */
const LIVE_SHARE = 0.75
/** The share of calls that go wrong; most of them only lose their reply. */
const WEATHERS = [0, 0.05, 0.2, 0.2, 0.2]
/** A look at all clouds takes as long as a suspension: a quarter of the lives has one in the end in any case. */
const AT_ONCE_SHARE = 0.75
const DEATHS = [1, 1, 1, 2, 2, 3, 4]
/** What a customer’s life has beyond its beginning: most are short, and a minute tells many. */
const LATER_ACTS = [0, 0, 1, 1, 2]
/** How many moments a process may pass before it dies; many die in their first seconds. */
const MOMENTS_MAX = 120
const PROVIDERS = ['stripe', 'hetzner', 'route53', 'resend', 'machine']

/** What people do to a tenant that is, as far as they know, live, suspended or on its way out. */
const SENSIBLE: Record<State, string[]> = {
  live: [
    ...['suspend', 'suspend', 'change plan', 'change plan', 'back up', 'make an image', 'restore', 'move'],
    ...['rotate secrets', 'delete', 'delete at once', 'app breaks', 'customer cancels', 'card declines'],
    'server freezes',
  ],
  suspended: [
    'resume',
    'resume',
    'resume',
    'back up',
    'move',
    'delete',
    'delete at once',
    'pays what is open',
  ],
  leaving: ['cancel', 'cancel', 'retry', 'suspend'],
  failed: ['retry', 'undo', 'approve'],
}
const MADNESS = Object.values(SENSIBLE).flat()
const MADNESS_SHARE = 0.15
/** How many pull the other way while Atlas is at work. */
const CALLED_OFF_SHARE = 0.12

type State = 'live' | 'suspended' | 'leaving' | 'failed'
const NEXT: Record<string, State> = {
  suspend: 'suspended',
  resume: 'live',
  delete: 'leaving',
  'delete at once': 'leaving',
  cancel: 'live',
  'customer cancels': 'suspended',
  'card declines': 'live',
  undo: 'failed',
}

/** The life that a seed stands for: who comes, what they do, what goes wrong, when Atlas dies. */
export function writeStory(seed: number): Story {
  const chance = chanceFrom(seed)
  const customers = NAMES.slice(0, pick(chance, MANY)).map((name) => writeCustomer(chance, name))
  const [first] = customers
  if (first && chance() < LIVE_SHARE) Object.assign(first, { isLive: true, acts: writeLater(chance, 1) })
  const deaths = Array.from({ length: pick(chance, DEATHS) }, () => Math.floor(chance() ** 2 * MOMENTS_MAX))
  return {
    seed,
    customers,
    deaths,
    weather: pick(chance, WEATHERS),
    outages: chance() < 0.15 ? [writeOutage(chance)] : [],
    jumps: chance() < 0.4 ? [writeJump(chance)] : [],
    ...(chance() < AT_ONCE_SHARE && { endsAtOnce: true }),
  }
}

function writeCustomer(chance: Chance, name: string): Customer {
  const acts: Act[] = [{ kind: 'sign up', after: whole(chance, 5 * SECOND_MS) }]
  const plan = chance() < 0.7 ? 'starter' : 'pro'
  if (chance() < 0.08) return { name, plan, acts }
  acts.push({ kind: 'pay', after: whole(chance, pick(chance, [10 * SECOND_MS, 50 * MINUTE_MS])) })
  if (chance() < 0.1) acts.push({ kind: 'app breaks', after: SECOND_MS })
  acts.push({ ...writeAct(chance, 'approve'), after: 2 * SECOND_MS + soon(chance) })
  acts.push(...writeLater(chance))
  return { name, plan, acts }
}

/** What becomes of a live tenant. */
function writeLater(chance: Chance, atLeast = 0): Act[] {
  const acts: Act[] = []
  let state: State = 'live'
  for (let more = atLeast + pick(chance, LATER_ACTS); more > 0; more--) {
    const kind: string = pick(chance, chance() < MADNESS_SHARE ? MADNESS : SENSIBLE[state])
    if (kind === 'server freezes') acts.push({ kind: 'back up', after: soon(chance) })
    acts.push(writeAct(chance, kind))
    // Who can't wait takes the data as it was backed up last.
    if (kind === 'server freezes') acts.push({ kind: 'move with a backup', after: soon(chance) })
    if (chance() < CALLED_OFF_SHARE)
      acts.push({ kind: 'cancel', after: whole(chance, 3 * SECOND_MS), atOnce: true })
    // Nobody pays any more: what comes of it shows when the month is over.
    if (kind === 'card declines') acts.push({ kind: 'period ends', after: SECOND_MS })
    state = NEXT[kind] ?? state
  }
  return acts
}

function writeAct(chance: Chance, kind: string): Act {
  const act: Act = { kind, after: soon(chance) }
  if (chance() < 0.2) Object.assign(act, { atOnce: true, after: whole(chance, 3 * SECOND_MS) })
  if (chance() < 0.15) act.twice = true
  return act
}

function writeOutage(chance: Chance): Outage {
  const ms = whole(chance, pick(chance, [10 * MINUTE_MS, 2 * HOUR_MS]))
  return { provider: pick(chance, PROVIDERS), at: whole(chance, 5 * MINUTE_MS), ms }
}

function writeJump(chance: Chance): Jump {
  return { at: whole(chance, MINUTE_MS), ms: HOUR_MS }
}

/** Seconds, minutes or hours. */
function soon(chance: Chance): number {
  return whole(chance, pick(chance, [10 * SECOND_MS, 10 * SECOND_MS, 10 * MINUTE_MS, 10 * HOUR_MS]))
}

const whole = (chance: Chance, below: number) => Math.floor(chance() * below)

function pick<T>(chance: Chance, from: readonly T[]): T {
  return from[whole(chance, from.length)]!
}
