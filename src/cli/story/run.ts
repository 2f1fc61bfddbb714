import { GiveUp, until } from '../patience'
import type { Visitor } from '../visitor'
import { readJson, type Scene } from './scene'

type ToldRun = {
  status: 'queued' | 'running' | 'waiting' | 'succeeded' | 'failed' | 'cancelled'
  reason: string | null
  steps: { name: string; title: string; status: string; reason: string | null }[]
}

/** A run that is followed: under which part of the story its steps are told. */
export type Followed = { runId: string; part: string; told: Set<string> }

// Twice the longest time that a name's record is kept by caches, and a moment more.
const CACHES_FORGET_MS = 121_000

/** Tells the steps that a run's page shows as done, each once. */
export async function tellSteps(scene: Scene, operator: Visitor, { runId, part, told }: Followed) {
  const page = await (await operator.get(`${scene.atlas}/admin/runs/${runId}`)).text()
  for (const [, title = ''] of page.matchAll(/rail-done"[\s\S]*?class="rail-title">\s*([^<]+?)\s*</g)) {
    if (told.has(title)) continue
    told.add(title)
    scene.tell(part, title)
  }
}

/** Follows a run to the end that is wanted. Throws `GiveUp` when it comes to another. */
export async function followRun(
  scene: Scene,
  operator: Visitor,
  { runId, part }: { runId: string; part: string },
  wanted: 'succeeded' | 'cancelled' = 'succeeded',
): Promise<void> {
  const followed: Followed = { runId, part, told: new Set() }
  const jumped = new Set<string>()
  await until(scene, `the run to have ${wanted}`, async () => {
    const run = await runOf(scene, operator, runId)
    await tellSteps(scene, operator, followed)
    if (run.status === wanted) return true
    if (['failed', 'succeeded', 'cancelled'].includes(run.status)) {
      throw new GiveUp(`${part}: the run has ${run.status}. ${run.reason ?? ''}`.trim())
    }
    await jumpOverCaches(scene, run, jumped)
    return false
  })
}

/** Waits until a run has come to a step and waits there. */
export async function followTo(
  scene: Scene,
  operator: Visitor,
  { runId, part }: { runId: string; part: string },
  step: string,
): Promise<void> {
  const followed: Followed = { runId, part, told: new Set() }
  await until(scene, `the run to wait at ${step}`, async () => {
    const { status, steps, reason } = await runOf(scene, operator, runId)
    await tellSteps(scene, operator, followed)
    if (status === 'failed') throw new GiveUp(`${part}: ${reason}`)
    return steps.some(({ name, status }) => name === step && status === 'waiting')
  })
}

function runOf(scene: Scene, operator: Visitor, runId: string): Promise<ToldRun> {
  return readJson<ToldRun>(scene, operator, `/api/admin/runs/${runId}`)
}

/** Nobody watches minutes go by in which nothing but time can help: the world's clock is moved on, once a wait. */
async function jumpOverCaches(scene: Scene, { steps }: ToldRun, jumped: Set<string>): Promise<void> {
  const waiting = steps.find(({ status, reason }) => status === 'waiting' && /caches/.test(reason ?? ''))
  if (!waiting || jumped.has(waiting.name)) return
  jumped.add(waiting.name)
  await moveClock(scene, CACHES_FORGET_MS)
  scene.tell('clock', `two minutes on: ${waiting.reason}`)
}

/** Moves the clock of the clouds, and of an Atlas in the same process, forward. */
async function moveClock({ clouds }: Scene, ms: number): Promise<void> {
  const body = new URLSearchParams({ advance_ms: String(ms) })
  const answer = await fetch(`${clouds}/control/clock`, { method: 'POST', body, redirect: 'manual' })
  if (answer.status !== 303) throw new Error(`The clock could not be moved (${answer.status}).`)
}
