import { createHash } from 'node:crypto'
import * as v from 'valibot'
import type { Machine, Pace } from './machine'
import { readSettings } from './settings'
import { refusal, type Work } from './work'

const Hooks = v.array(
  v.object({
    name: v.string(),
    service: v.string(),
    command: v.pipe(v.array(v.pipe(v.string(), v.regex(/^[^\0]+$/))), v.minLength(1)),
  }),
)

const ROTATE_MS = 3_000

/** The verb `rotate`: tells services of new secrets, then writes the settings that hold them. */
export function rotate(machine: Machine, input: Record<string, unknown>, from: number, pace: Pace): Work {
  const settings = readSettings(input)
  const hooks = v.safeParse(Hooks, input.hooks)
  if (!settings) return { machine, end: refusal('invalid', 'The settings are malformed.') }
  const { env } = input as { env: Record<string, string> }
  if (!hooks.success || hooks.output.some(({ name }) => !Object.hasOwn(env, name))) {
    return { machine, end: refusal('invalid', 'The hooks are malformed.') }
  }
  if (!machine.settings) return { machine, end: refusal('conflict', 'The settings have not been delivered.') }
  if (hooks.output.some(({ service }) => !machine.settings?.services.includes(service))) {
    return { machine, end: refusal('unavailable', 'A service could not be started.') }
  }
  const digests = hooks.output.map(({ name }) => [name, sha256(env[name]!)] as const)
  return {
    machine: { ...machine, settings, rotated: { ...machine.rotated, ...Object.fromEntries(digests) } },
    endsAt: from + pace.lasts(ROTATE_MS),
    end: { result: { sha256: settings.sha256 } },
  }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
