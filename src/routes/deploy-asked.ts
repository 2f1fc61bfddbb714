import type { DeployForm } from '../../views/admin/deploy'
import type { ReleaseForm } from '../../views/admin/release-fields'
import type { Actor } from '../audit'
import type { Migration } from '../catalog/deploy'
import { invalid } from '../errors'
import { keepRelease, lookUpRelease, type ReleaseAsked } from '../releases/find'
import { lookAhead, type Prospect } from '../rollouts/prospect'
import { startRollout } from '../rollouts/start'
import { parseStrategy, type Strategy, type WrittenStrategy } from '../rollouts/strategy'
import type { Services } from '../services'
import { textField } from './request'
import type { Call } from './route'

/** A deploy as a page or a program asks for it. */
export type DeployAsked = {
  release: Omit<ReleaseAsked, 'actor'>
  strategy: Strategy
  /** Whoever starts a release without a way back has to know it. */
  acceptsNoWayBack: boolean
}

/** What a deploy would do: its release is looked up, and nothing is kept. */
export async function foresee(services: Services, asked: DeployAsked, actor: Actor): Promise<Prospect> {
  const release = await lookUpRelease(services, { ...asked.release, actor })
  return lookAhead(services.db.read, services, { release, strategy: asked.strategy })
}

/** Starts a deploy; returns the ids of its rollout and its release. */
export async function begin({ services, actor }: Pick<Call, 'services' | 'actor'>, asked: DeployAsked) {
  const { db, clock } = services
  const release = await lookUpRelease(services, { ...asked.release, actor })
  const { strategy, acceptsNoWayBack } = asked
  const nowMs = clock.now()
  return db.write((tx) => {
    const { id: releaseId } = keepRelease(tx, release, actor, nowMs)
    const wanted = { releaseId, strategy, acceptsNoWayBack, actor, nowMs }
    return { releaseId, ...startRollout(tx, services, wanted) }
  })
}

/** The deploy that a form asks for. Throws one `invalid` for its strategy. */
export function deployOfForm(form: DeployForm, acceptsNoWayBack: boolean): DeployAsked {
  return {
    release: releaseOfForm(form, form.blueprint),
    strategy: parseStrategy(form),
    acceptsNoWayBack,
  }
}

/** The release that a form asks for. */
export function releaseOfForm(form: ReleaseForm, blueprint: string): DeployAsked['release'] {
  const { tag, notes, migration, backup, digests } = form
  return {
    blueprint,
    tag: tag.trim(),
    ...(notes.trim() && { notes: notes.trim() }),
    ...(migration && { migration: migration as Migration }),
    ...(backup && { backup: backup === 'yes' }),
    ...(digests && { digests: digests.split(' ') }),
  }
}

/** The deploy that a program asks for; the blueprint may be left out while there is one. Throws `invalid`. */
export function deployOfBody(body: Record<string, unknown>, services: Services): DeployAsked {
  return {
    release: releaseOfBody(body, textField(body, 'blueprint') || onlyBlueprint(services)),
    strategy: parseStrategy(strategyIn(body)),
    acceptsNoWayBack: flagField(body, 'accepts_no_way_back') ?? false,
  }
}

/** The release that a program asks for. Throws `invalid`. */
export function releaseOfBody(body: Record<string, unknown>, blueprint: string): DeployAsked['release'] {
  const text = (name: string) => textField(body, name) || undefined
  return {
    blueprint,
    tag: text('tag') ?? '',
    notes: text('notes'),
    migration: text('migration') as Migration | undefined,
    backup: flagField(body, 'backup'),
    digests: textsField(body, 'digests'),
  }
}

/** The blueprint that is meant when none is named: the one that is sold. Throws `invalid` when several are. */
export function onlyBlueprint({ catalog }: Pick<Services, 'catalog'>): string {
  const [only, ...others] = catalog.blueprints.filter(({ sold }) => sold)
  if (only && others.length === 0) return only.name
  throw invalid('Some fields need another look.', { blueprint: 'There is more than one. Say which.' })
}

const NUMBERS = ['concurrency', 'bake_minutes', 'stop_failures', 'stop_percent'] as const

function strategyIn(body: Record<string, unknown>): WrittenStrategy {
  const written: WrittenStrategy = { waves: textField(body, 'waves'), canaries: textField(body, 'canaries') }
  for (const name of NUMBERS) {
    const value = Object.hasOwn(body, name) ? body[name] : undefined
    written[name] = typeof value === 'number' ? value : textField(body, name)
  }
  return written
}

/** A list of texts that may be absent. Throws `invalid` for anything else. */
function textsField(body: Record<string, unknown>, name: string): string[] | undefined {
  const value = Object.hasOwn(body, name) ? body[name] : undefined
  if (value === undefined) return undefined
  if (Array.isArray(value) && value.every((one) => typeof one === 'string')) return value
  throw invalid('Some fields need another look.', { [name]: 'Must be a list of texts.' })
}

/** A flag that may be absent. Throws `invalid` for anything but true and false. */
export function flagField(body: Record<string, unknown>, name: string): boolean | undefined {
  const value = Object.hasOwn(body, name) ? body[name] : undefined
  if (value === undefined || typeof value === 'boolean') return value
  throw invalid('Some fields need another look.', { [name]: 'Must be true or false.' })
}
