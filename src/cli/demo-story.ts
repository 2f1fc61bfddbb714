import type { Catalog } from '../catalog/catalog'
import { sleep } from '../clock'
import { ADMIN_EMAIL, type DemoPorts } from '../demo/environment'
import { rotatedNames } from '../lifecycle/secret-rotation'
import type { Services } from '../services'
import type { StoryLength } from './demo-options'
import { liveStory } from './story'
import { checkStop } from './story/check'
import { liveOn, type Possibilities, type Stop } from './story/life'
import type { Customer, Scene } from './story/scene'
import { checkStory } from './story-check'
import type { Voice } from './voice'

// Mails and webhooks of what has just been done are still under way.
const SETTLES_WITHIN_MS = 5_000
const LOOK_EVERY_MS = 100

/** What a check found, a sentence each. */
class Disagreement extends Error {
  constructor(readonly problems: string[]) {
    super(problems.join('. '))
  }
}

/** Lives a story in a demo and checks it. 0 when it ended well or was stopped, 1 when something was not right. */
export async function tellStory(
  services: Services,
  ports: DemoPorts,
  length: StoryLength,
  voice: Voice,
  stop: AbortSignal,
): Promise<number> {
  const scene = sceneOf(services, ports, voice, stop)
  try {
    await live(services, scene, length)
    return 0
  } catch (thrown) {
    if (stop.aborted) return 0
    for (const problem of problemsIn(thrown)) voice.tell('NOT RIGHT', problem)
    return 1
  }
}

async function live(services: Services, scene: Scene, length: StoryLength): Promise<void> {
  const { catalog, clock, db } = services
  const customer = newCustomer(catalog, clock.now())
  const people = await liveStory(scene, customer)
  const problems = await checkStory(db, scene.clouds, customer)
  if (problems.length > 0) throw new Disagreement(problems)
  scene.tell('all agree', 'exactly one of everything in the database, and in the clouds')
  if (length === 'live') return
  const check = async (at: Stop) => {
    await agree(scene, () => checkStop(db, scene.clouds, customer, at))
    const left = at.status === 'deleted' ? 'nothing is left but the backups' : 'one of everything'
    scene.tell('all agree', `${at.status}, ${left}, ${at.mails.length} mails`)
  }
  await liveOn(scene, customer, people, possibilitiesOf(catalog, customer), check)
}

/** Checks until all is well. Throws what is still wrong after a while. */
async function agree({ clock, stop }: Scene, check: () => Promise<string[]>): Promise<void> {
  const deadline = clock.now() + SETTLES_WITHIN_MS
  for (;;) {
    const problems = await check()
    if (problems.length === 0) return
    if (clock.now() >= deadline) throw new Disagreement(problems)
    await sleep(clock, LOOK_EVERY_MS, stop)
  }
}

function sceneOf({ clock, settings }: Services, ports: DemoPorts, voice: Voice, stop: AbortSignal): Scene {
  return {
    atlas: settings.baseUrl,
    clouds: `http://127.0.0.1:${ports.clouds}`,
    tenants: `http://127.0.0.1:${ports.tenants}`,
    clock,
    stop,
    adminEmail: ADMIN_EMAIL,
    tell: voice.tell.bind(voice),
  }
}

function possibilitiesOf({ front, offers }: Catalog, { plan }: Customer): Possibilities {
  const other = offers.find(({ blueprint, plan: { key } }) => blueprint.name === front.name && key !== plan)
  return {
    otherPlan: other ? { key: other.plan.key, id: other.id } : null,
    holdingPage: front.suspension.holdingPage,
    backups: front.backup !== null,
    rotation: rotatedNames(front).length > 0,
  }
}

/** Somebody whom no earlier story knew, and who takes the first plan. */
function newCustomer({ front }: Catalog, nowMs: number): Customer {
  const subdomain = `ada-${nowMs.toString(36)}`
  return { subdomain, email: `${subdomain}@example.com`, plan: front.plans[0]?.key ?? '' }
}

function problemsIn(thrown: unknown): string[] {
  if (thrown instanceof Disagreement) return thrown.problems
  return [thrown instanceof Error ? thrown.message : String(thrown)]
}
