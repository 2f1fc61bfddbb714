import { chanceFrom } from './chance'
import type { Act, Customer, Jump, Outage, Story } from './story'

type Chance = () => number

const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS
const NAMES = ['ada', 'bea', 'cyd'] as const
/** The share of calls that go wrong; most of them only lose their reply. */
const WEATHERS = [0, 0.05, 0.2, 0.2, 0.2]
const DEATHS_MAX = 4
/** How many moments a process may pass before it dies; many die in their first seconds. */
const MOMENTS_MAX = 120
const PROVIDERS = ['stripe', 'hetzner', 'route53', 'resend', 'machine']

/** What may be done to a live tenant, each as often as it stands here. */
const LATER = [
  'suspend',
  'resume',
  'suspend',
  'resume',
  'back up',
  'image',
  'retry',
  'undo',
  'cancel',
  'app breaks',
]
const MONEY = ['card declines', 'period ends', 'pays what is open', 'customer cancels']

/** The life that a seed stands for: who comes, what they do, what goes wrong, when Atlas dies. */
export function writeStory(seed: number): Story {
  const chance = chanceFrom(seed)
  const many = pick(chance, [1, 1, 1, 2, 2, 3])
  const customers = NAMES.slice(0, many).map((name) => writeCustomer(chance, name))
  return {
    seed,
    customers,
    deaths: Array.from({ length: 1 + whole(chance, DEATHS_MAX) }, () =>
      Math.floor(chance() ** 2 * MOMENTS_MAX),
    ),
    weather: pick(chance, WEATHERS),
    outages: chance() < 0.15 ? [writeOutage(chance)] : [],
    jumps: chance() < 0.4 ? [writeJump(chance)] : [],
  }
}

function writeCustomer(chance: Chance, name: string): Customer {
  const acts: Act[] = [{ kind: 'sign up', after: whole(chance, 5 * SECOND_MS) }]
  if (chance() < 0.9) {
    acts.push({ kind: 'pay', after: soon(chance) })
    if (chance() < 0.15) acts.push({ kind: 'app breaks', after: SECOND_MS })
    acts.push(writeAct(chance, 'approve'))
    for (let more = whole(chance, 4); more > 0; more--) acts.push(writeAct(chance, pick(chance, LATER)))
    if (chance() < 0.3)
      for (let more = 1 + whole(chance, 2); more > 0; more--) acts.push(writeAct(chance, pick(chance, MONEY)))
  }
  return { name, plan: chance() < 0.7 ? 'starter' : 'pro', acts }
}

function writeAct(chance: Chance, kind: string): Act {
  const act: Act = { kind, after: soon(chance) }
  if (chance() < 0.3) Object.assign(act, { atOnce: true, after: whole(chance, 3 * SECOND_MS) })
  if (chance() < 0.15) act.twice = true
  return act
}

function writeOutage(chance: Chance): Outage {
  return {
    provider: pick(chance, PROVIDERS),
    at: whole(chance, 5 * MINUTE_MS),
    ms: whole(chance, 2 * HOUR_MS),
  }
}

function writeJump(chance: Chance): Jump {
  return { at: whole(chance, MINUTE_MS), ms: HOUR_MS }
}

/** Seconds, minutes or hours. */
function soon(chance: Chance): number {
  return whole(chance, pick(chance, [10 * SECOND_MS, 10 * MINUTE_MS, 10 * HOUR_MS]))
}

const whole = (chance: Chance, below: number) => Math.floor(chance() * below)

function pick<T>(chance: Chance, from: readonly T[]): T {
  return from[whole(chance, from.length)]!
}
