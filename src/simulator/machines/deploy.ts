import type { Schema } from '../registry/images'
import { type DeployInput, envIn, readDeploy } from './deploy-input'
import { type App, type Machine, type Settings, type Surroundings, withConsole } from './machine'
import { Plan } from './plan'
import { type Fetched, fetchRelease } from './pull'
import {
  HALF_RESTORED,
  MIGRATION_FAILED,
  MISSING_IMAGE,
  migratedData,
  NOT_PULLED,
  pullLines,
  refusalOfReturn,
  SLOW,
} from './release'
import { readSettings } from './settings'
import { type Trouble, troubleOf, wellAfterMs } from './trouble'
import { refusal, type Work } from './work'

const LOOK_MS = 300
const PULL_MS = 8_000
const MIGRATE_MS = 2_000
const SWITCH_MS = 1_000
const BOOT_MS = 3_000
const LINE_CHARS_MAX = 400

/** What everything here is told from. */
type Scene = {
  plan: Plan
  /** As it is, with the settings that go with the release. */
  machine: Machine
  /** The settings before. */
  former: Settings
  input: DeployInput
  pace: Surroundings
  /** What the app gets as its environment; nothing of it is kept. */
  env: Record<string, string>
  /** Whether the former release can live with the data still. */
  mayReturn: boolean
}
type Next = Pick<Fetched, 'app'> & { schema: Schema | undefined }

/** The verb `deploy`: what it will come to is known as it begins, and happens as far as the power lasts. */
export function deploy(
  machine: Machine,
  raw: Record<string, unknown>,
  from: number,
  pace: Surroundings,
): Work {
  const input = readDeploy(raw)
  if (!input) return { machine, end: refusal('invalid', 'The input is malformed.') }
  if (!machine.settings) return { machine, end: refusal('conflict', 'The settings have not been delivered.') }
  if (!machine.app) return { machine, end: refusal('conflict', 'The app has never been started.') }
  if (machine.restoring) return { machine, end: refusal('conflict', HALF_RESTORED) }
  const tooOld = refusalOfReturn(machine, input)
  const isBefore = refusalOfReturn(machine, { lives_with: [...input.lives_with, ...input.passes] })
  if (isBefore) return { machine, end: isBefore }
  const settings = raw.compose === undefined ? machine.settings : readSettings(raw)
  if (!settings) return { machine, end: refusal('invalid', 'The settings are malformed.') }
  const plan = new Plan(from, pace)
  const env = envIn(raw)
  const mayReturn = tooOld === null
  const scene = {
    ...{ plan, machine: { ...machine, settings }, former: machine.settings },
    ...{ input, pace, env, mayReturn },
  }
  const next = prepare(scene)
  if (next) switchOver(scene, next)
  const { logs, coming, at, end } = plan
  return { machine: withConsole({ ...machine, coming }, logs), logs, endsAt: at, end }
}

/** Until its end the former release serves. Null when it went wrong. */
function prepare(scene: Scene): Next | null {
  const { plan, machine, input, pace } = scene
  plan.passes(LOOK_MS)
  if (machine.isFull) {
    return keeps(scene, 'space', 'conflict', 'There is not enough room on the disk for the new images.')
  }
  const missing = machine.settings?.missing ?? []
  if (missing.length > 0) {
    plan.say(...missing.map((name) => `required variable ${name} is missing a value`))
    return keeps(scene, 'pull', 'unavailable', NOT_PULLED)
  }
  const fetched = fetchRelease(machine, input, pace)
  const lines = pullLines(input.release, machine.settings?.services ?? [])
  if (typeof fetched === 'string') {
    plan.passes(LOOK_MS, lines.slice(0, 2))
    return keeps(scene, 'pull', fetched, fetched === 'not_found' ? MISSING_IMAGE : NOT_PULLED)
  }
  plan.passes(fetched.isHere ? LOOK_MS : PULL_MS * slownessOf(fetched), lines)
  plan.becomes({ pulled: fetched.app.digest })
  return input.migrate ? migrate(scene, fetched) : { ...fetched, schema: machine.data.schema }
}

function migrate(scene: Scene, { app }: Fetched): Next | null {
  const { plan, machine, input } = scene
  passReturn(scene)
  plan.passes(MIGRATE_MS, [`Migrating to release ${input.release}`])
  if (app.behaviour === 'migration_fails') {
    plan.say('ERROR:  column "mood" of relation "entries" already exists')
    return keeps(scene, 'migrate', 'conflict', MIGRATION_FAILED)
  }
  const schema = migratedData(machine, { app })
  plan.becomes({ schema })
  return { app, schema }
}

/** From here on no release from before the one named may be started on the data. */
function passReturn(scene: Scene): void {
  const { no_return: noReturn } = scene.input
  if (!noReturn) return
  scene.mayReturn = false
  scene.plan.becomes({ noReturn })
}

function switchOver(scene: Scene, next: Next): void {
  const { plan, input, machine } = scene
  passReturn(scene)
  plan.say(`Switching to release ${input.release}`)
  if (machine.settings) plan.becomes({ settings: machine.settings })
  const trouble = runs(scene, next)
  if (!trouble) {
    plan.becomes({ holding: null })
    plan.end = { result: { release: next.app.release, digest: next.app.digest } }
    return
  }
  plan.passes(trouble.afterMs)
  if (next.app.behaviour === 'indiscreet') plan.say(...printed(scene.env))
  plan.say(trouble.words)
  const { part, message } = trouble
  const log = plan.lastWords()
  const back = scene.mayReturn && isBack(scene, next)
  plan.end = { error: { code: 'conflict', message, part, back, log } }
}

/** Goes back to the former release; false when that is not well either. */
function isBack(scene: Scene, { schema }: Next): boolean {
  const { plan, input, machine } = scene
  plan.say(`Going back to release ${input.former.release}`)
  plan.becomes({ settings: scene.former })
  const again = runs(scene, { app: formerApp(scene), schema: schema ?? machine.data.schema })
  if (again) plan.passes(again.afterMs)
  return again === null
}

/** Starts an app and looks at it; null when it is well. */
function runs(scene: Scene, { app, schema }: Next): Trouble | null {
  const { plan, machine, input, pace } = scene
  plan.passes(SWITCH_MS)
  const bootMs = BOOT_MS * slownessOf({ app })
  const upAt = plan.at + pace.lasts(bootMs)
  const running: App = { ...app, upAt, stopped: false }
  const data = { ...machine.data, schema }
  plan.becomes({ app: running })
  const trouble = troubleOf({ ...machine, app: running, data }, input, bootMs, pace)
  if (!trouble) plan.passes(wellAfterMs(input, bootMs))
  return trouble
}

/** What ran before is on the disk still. */
function formerApp({ machine, input, pace }: Scene): Next['app'] {
  const { former } = input
  if (machine.app?.release === former.release) return machine.app
  const fetched = fetchRelease(machine, former, { ...pace, registryAnswers: () => true })
  const nothing = { release: former.release, digest: '', behaviour: 'broken' } as const
  return typeof fetched === 'string' ? nothing : fetched.app
}

/** Ends a deploy that has switched nothing: the former release is well, unless its data was migrated for good. */
function keeps({ plan, mayReturn }: Scene, part: string, code: string, message: string): null {
  plan.end = { error: { code, message, part, back: mayReturn, log: plan.lastWords() } }
  return null
}

/** As an app does that wants to be helped: a line each, and all of it on one, which the agent cuts. */
function printed(env: Record<string, string>): string[] {
  const lines = Object.entries(env).map(([name, value]) => `${name}=${value}`)
  const whole = JSON.stringify(env)
  return [...lines, whole.slice(0, LINE_CHARS_MAX), `crashed with ${whole}`.slice(0, LINE_CHARS_MAX)]
}

function slownessOf({ app }: Pick<Fetched, 'app'>): number {
  return app.behaviour === 'slow' ? SLOW : 1
}
