import { createHash } from 'node:crypto'
import * as v from 'valibot'
import { type LogLine, type Machine, type Pace, spread, withConsole } from './machine'
import { refusal, type Work } from './work'

const START_MS = 12_000
/** The part of a start that goes into pulling images. */
const PULL_SHARE = 0.7

const Release = v.pipe(v.string(), v.regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/))

/** The verb `start`: pulls a release and starts the app with it. */
export function start(machine: Machine, input: Record<string, unknown>, from: number, pace: Pace): Work {
  const { settings } = machine
  const parsed = v.safeParse(Release, input.release)
  if (!parsed.success) return { machine, end: refusal('invalid', 'The release is malformed.') }
  if (!settings) return { machine, end: refusal('conflict', 'The settings have not been delivered.') }
  if (machine.restoring) return { machine, end: refusal('conflict', HALF_RESTORED) }
  const release = parsed.output
  if (settings.missing.length > 0) return missingVariable(machine, settings.missing, from)
  const digest = digestOf(release)
  const startsAt = from + pace.lasts(START_MS * PULL_SHARE)
  const upAt = from + pace.lasts(START_MS)
  const logs = [
    ...spread(pullLines(release, settings.services), from, startsAt - from),
    ...spread(startLines(release, settings.services), startsAt, upAt - startsAt),
  ]
  const starting = { release, digest, startsAt, upAt }
  return {
    machine: withConsole({ ...machine, starting }, logs),
    logs,
    endsAt: upAt,
    end: { result: { release, digest } },
  }
}

const HALF_RESTORED = 'A restore was interrupted: the data is incomplete. Restore once more.'

/** The digest of a release's image. */
export function digestOf(release: string): string {
  return `sha256:${createHash('sha256').update(release).digest('hex')}`
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

function pullLines(release: string, services: string[]): string[] {
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
