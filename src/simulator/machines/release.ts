import * as v from 'valibot'
import { migrated, type Schema } from '../registry/images'
import { type AgentEnd, type LogLine, type Machine, type Surroundings, spread, withConsole } from './machine'
import { type Fetched, fetchRelease, Images, LivesWith, Login, Migrate, Release } from './pull'
import { refusal, type Work } from './work'

/** From the beginning of a start until the app is up. */
const START_MS = 12_000
/** The part of a start that goes into pulling images. */
const PULL_SHARE = 0.7
/** How much longer it takes with an image that takes its time. */
export const SLOW = 5

const Input = v.object({
  release: Release,
  images: v.optional(Images),
  migrate: v.optional(Migrate),
  lives_with: LivesWith,
  registry: v.optional(Login),
})

/** The verb `start`: pulls a release and starts the app with it. */
export function start(
  machine: Machine,
  raw: Record<string, unknown>,
  from: number,
  pace: Surroundings,
): Work {
  const { settings } = machine
  const input = v.safeParse(Input, raw)
  if (!input.success) return { machine, end: refusal('invalid', 'The release is malformed.') }
  if (!settings) return { machine, end: refusal('conflict', 'The settings have not been delivered.') }
  if (machine.restoring) return { machine, end: refusal('conflict', HALF_RESTORED) }
  const tooOld = refusalOfReturn(machine, input.output)
  if (tooOld) return { machine, end: tooOld }
  if (settings.missing.length > 0) return missingVariable(machine, settings.missing, from)
  const fetched = fetchRelease(machine, input.output, pace)
  if (fetched === 'not_found') return { machine, end: refusal('not_found', MISSING_IMAGE) }
  if (fetched === 'unavailable') return { machine, end: refusal('unavailable', NOT_PULLED) }
  const { migrate } = input.output
  if (migrate && fetched.app.behaviour === 'migration_fails') {
    return { machine, end: refusal('conflict', MIGRATION_FAILED) }
  }
  const data = migrate ? migratedData(machine, fetched) : machine.data.schema
  return started(machine, { ...fetched, data }, from, pace)
}

/** Why no release may run that lives with no more than this, after what was done to the data; null when it may. */
export function refusalOfReturn(
  { data: { noReturn } }: Machine,
  { lives_with: livesWith }: { lives_with: string[] },
): AgentEnd | null {
  if (!noReturn || livesWith.includes(noReturn)) return null
  const why = `Release ${noReturn} has changed the data for good, and what is to be started is from before it.`
  const message = `${why} Deploy ${noReturn} or a later release, or restore a backup from before it.`
  return { error: { code: 'conflict', message, part: 'no-return' } }
}

export const HALF_RESTORED = 'A restore was interrupted: the data is incomplete. Restore once more.'
export const MISSING_IMAGE = 'An image of this release does not exist, or this server may not read it.'
export const MIGRATION_FAILED = 'The migration failed. The log says why.'
export const NOT_PULLED = 'The images could not be pulled.'

/** What a release's migration makes of the data; undefined when nothing is known of either. */
export function migratedData(
  { data, app: former }: Machine,
  { app }: Pick<Fetched, 'app'>,
): Schema | undefined {
  const { behaviour = 'good', schema } = app
  const before = data.schema ?? former?.schema
  return schema && before ? migrated(before, { behaviour, schema }) : (schema ?? before)
}

function started(
  machine: Machine,
  { app, data }: Fetched & { data: Schema | undefined },
  from: number,
  pace: Surroundings,
): Work {
  const services = machine.settings?.services ?? []
  const { release, digest, schema } = app
  const lastsMs = pace.lasts(START_MS) * (app.behaviour === 'slow' ? SLOW : 1)
  const [startsAt, upAt] = [from + lastsMs * PULL_SHARE, from + lastsMs]
  const logs = [
    ...spread(pullLines(release, services), from, startsAt - from),
    ...spread(startLines(release, services), startsAt, upAt - startsAt),
  ]
  const coming = [
    // An app makes its data when it finds none.
    {
      at: startsAt,
      pulled: digest,
      schema: data ?? schema,
      app: { ...app, upAt, stopped: false },
    },
    { at: upAt, holding: null },
  ]
  return {
    machine: withConsole({ ...machine, coming }, logs),
    logs,
    endsAt: upAt,
    end: { result: { release, digest } },
  }
}

function missingVariable(machine: Machine, missing: string[], from: number): Work {
  const logs: LogLine[] = missing.map((name) => ({
    at: from,
    line: `required variable ${name} is missing a value`,
  }))
  return {
    machine: withConsole(machine, logs),
    logs,
    end: refusal('unavailable', 'The app could not be started.'),
  }
}

/** What Docker says while it pulls a release. */
export function pullLines(release: string, services: string[]): string[] {
  const pulls = services.map((service) => ` ${service} Pulling`)
  return [`Pulling release ${release}`, ...pulls, ...services.map((service) => ` ${service} Pulled`)]
}

function startLines(release: string, services: string[]): string[] {
  return [
    `Starting release ${release}`,
    ...services.map((service) => ` Container app-${service}-1  Started`),
    ...services.map((service) => ` Container app-${service}-1  Healthy`),
  ]
}
