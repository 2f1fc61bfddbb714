import type { Decide, Decision, Snapshot, Waiting } from '../rollouts/decide'
import { type Plan, planRollout } from '../rollouts/plan'
import { chanceFrom } from './chance'
import type { FleetStory, Machine } from './fleet-story'
import { StoryTime } from './time'

/** What a rollout to a simulated fleet came to. */
export type FleetEnding = {
  status: Snapshot['status'] | 'succeeded' | 'rolled_back' | 'stopped' | 'aborted'
  stopAt: number
  machines: readonly Machine[]
  /** How many failed while they were deployed, and how many only later. */
  failed: number
  failedLate: number
  /** The most that were worked on at a time, and the most that a wave had got when it was done. */
  atOnce: number
  /** How often anything was begun after everything was frozen, or a tenant was deployed twice. */
  misdeeds: number
}

const DEPLOY_MS = 60_000
const LATE_MS = 300_000
const DECISIONS_MAX = 100_000
/** More than a turn ever begins. */
const SHOWN_MAX = 20

/** Rolls a release out to a simulated fleet, in simulated time, and says what came of it. */
export function rollOut(story: FleetStory, decide: Decide): FleetEnding {
  return new Fleet(story, decide).live()
}

class Fleet {
  private readonly time = new StoryTime()
  private readonly chance: () => number
  private readonly plan: Plan
  private readonly machines = new Map<string, Machine>()
  private readonly waves: Machine[][] = []
  private status: FleetEnding['status'] = 'running'
  private readonly sick = new Set<Machine>()
  private wave = 0
  private waveDoneAt: number | null = null
  private counts = { deploying: 0, goingBack: 0, worked: 0, failed: 0, failedLate: 0, stuck: 0 }
  private atOnce = 0
  private misdeeds = 0
  private due = true

  constructor(
    private readonly story: FleetStory,
    private readonly decide: Decide,
  ) {
    this.chance = chanceFrom(story.seed + 1)
    this.plan = planRollout(story.machines, story.strategy, { draw: `${story.seed}`, deployMs: DEPLOY_MS })
    const known = new Map(story.machines.map((machine) => [machine.tenantId, machine]))
    for (const { tenantId, wave, obstacle } of this.plan.targets) {
      const machine = { ...known.get(tenantId)!, wave, state: obstacle ? 'set_aside' : 'waiting' } as Machine
      this.machines.set(tenantId, machine)
      this.waves[wave] ??= []
      if (obstacle === null) this.waves[wave].push(machine)
    }
  }

  live(): FleetEnding {
    for (let turns = 0; turns < DECISIONS_MAX; turns++) {
      if (this.due) this.turn()
      if (!this.due) {
        const next = this.time.nextAt()
        if (next === undefined) break
        this.time.goTo(next)
      }
    }
    const { failed, failedLate } = this.counts
    return {
      status: this.status,
      stopAt: this.plan.stopAt,
      machines: [...this.machines.values()],
      failed,
      failedLate,
      atOnce: this.atOnce,
      misdeeds: this.misdeeds,
    }
  }

  private turn(): void {
    this.due = false
    const snapshot = this.snapshot()
    if (!snapshot) return
    for (const decision of this.decide(snapshot, this.time.now())) this.act(decision)
    this.atOnce = Math.max(this.atOnce, this.counts.deploying + this.counts.goingBack)
  }

  private act(decision: Decision): void {
    if (decision.kind === 'look_again') {
      this.time.at(decision.atMs, () => this.wake())
      return
    }
    this.wake()
    if ('tenantId' in decision) this.actOn(decision.kind, this.machines.get(decision.tenantId)!)
    else if (decision.kind === 'bake') this.waveDoneAt = this.time.now()
    else if (decision.kind === 'next_wave') this.enter(decision.wave)
    else this.status = decision.kind === 'finish' ? decision.status : BECOMES[decision.kind]
  }

  private actOn(kind: Extract<Decision, { tenantId: string }>['kind'], machine: Machine): void {
    if (kind === 'deploy') this.deploy(machine)
    else if (kind === 'take_back') this.takeBack(machine)
    else if (kind === 'count_as_failed') this.countAsFailed(machine)
    else machine.state = 'set_aside'
  }

  private enter(wave: number): void {
    this.wave = wave
    this.waveDoneAt = null
  }

  private wake(): void {
    this.due = true
  }

  private deploy(machine: Machine): void {
    if (machine.state !== 'waiting' || this.status !== 'running') this.misdeeds++
    machine.state = 'deploying'
    machine.isAtWork = true
    this.counts.deploying++
    this.after(DEPLOY_MS * (0.5 + this.chance()), () => {
      machine.isAtWork = false
      this.counts.deploying--
      if (machine.end === 'fails') this.fails(machine, 'failed')
      else if (machine.end === 'lost') this.fails(machine, this.story.canGoBack ? 'going_back' : 'stuck')
      else this.succeeds(machine)
    })
  }

  private succeeds(machine: Machine): void {
    machine.state = 'succeeded'
    this.counts.worked++
    if (machine.end !== 'late') return
    this.after(LATE_MS * this.chance(), () => {
      if (machine.state === 'succeeded') this.sick.add(machine)
    })
  }

  private fails(machine: Machine, state: 'failed' | 'going_back' | 'stuck', isLate = false): void {
    const isStuck = state === 'stuck' || (state === 'failed' && machine.backFails)
    machine.state = isStuck ? 'stuck' : state
    machine.hasFailed = true
    this.counts[isLate ? 'failedLate' : 'failed']++
    if (isStuck) this.counts.stuck++
  }

  private countAsFailed(machine: Machine): void {
    this.sick.delete(machine)
    this.counts.worked--
    this.fails(machine, this.story.canGoBack ? 'going_back' : 'stuck', true)
  }

  private takeBack(machine: Machine): void {
    const isAllowed = machine.state === 'going_back' || this.status === 'going_back'
    if (!isAllowed || machine.isAtWork || !this.story.canGoBack) this.misdeeds++
    machine.state = 'going_back'
    machine.isAtWork = true
    this.counts.goingBack++
    this.after(DEPLOY_MS * (0.5 + this.chance()), () => {
      machine.isAtWork = false
      this.counts.goingBack--
      machine.state = machine.backFails ? 'stuck' : 'back'
      if (machine.backFails) this.counts.stuck++
    })
  }

  private after(ms: number, act: () => void): void {
    this.time.at(this.time.now() + ms, () => {
      act()
      this.wake()
    })
  }

  /** Null once it has ended. */
  private snapshot(): Snapshot | null {
    const { status, plan, story, counts } = this
    if (!isLive(status)) return null
    const mine = this.waves[this.wave] ?? []
    return {
      status,
      canGoBack: story.canGoBack,
      stopAt: plan.stopAt,
      concurrency: story.strategy.concurrency,
      bakeMs: story.strategy.bakeMinutes * 60_000,
      wave: this.wave,
      waves: plan.waves.length,
      waveDoneAt: this.waveDoneAt,
      deploying: counts.deploying,
      goingBack: counts.goingBack,
      worked: counts.worked,
      failed: counts.failed + counts.failedLate,
      stuck: counts.stuck,
      workedInWave: mine.filter(({ state }) => state === 'succeeded').length,
      unseenInWave: 0,
      waiting: first(mine, ({ state }) => state === 'waiting'),
      returning: first(
        this.machines.values(),
        ({ state, isAtWork }) =>
          !isAtWork && (state === 'going_back' || (status === 'going_back' && state === 'succeeded')),
      ),
      sick: [...this.sick].map(({ tenantId }) => ({ tenantId, reason: 'It is down.' })),
    }
  }
}

const LIVE: readonly FleetEnding['status'][] = [
  'running',
  'going_back',
  'held',
  'frozen',
] satisfies Snapshot['status'][]

function isLive(status: FleetEnding['status']): status is Snapshot['status'] {
  return LIVE.includes(status)
}

function first(machines: Iterable<Machine>, isMeant: (machine: Machine) => boolean): Waiting[] {
  const found: Waiting[] = []
  for (const machine of machines) {
    if (!isMeant(machine)) continue
    found.push({ tenantId: machine.tenantId, isBusy: false, obstacle: null })
    if (found.length === SHOWN_MAX) break
  }
  return found
}

const BECOMES = { turn_back: 'going_back', freeze: 'frozen', hold: 'held' } as const
