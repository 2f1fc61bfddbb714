import { createHash } from 'node:crypto'
import * as v from 'valibot'
import { parse } from 'yaml'
import type { Settings } from './machine'

const Input = v.object({
  compose: v.pipe(v.string(), v.minLength(1)),
  env: v.record(
    v.pipe(v.string(), v.regex(/^[A-Z][A-Z0-9_]{0,63}$/)),
    v.pipe(v.string(), v.regex(/^[^\0\r\n]*$/)),
  ),
})
const Compose = v.object({ services: v.record(v.string(), v.unknown()) })

/** What the agent would write to disk, without the values; null when the agent would refuse it. */
export function readSettings(input: Record<string, unknown>): Settings | null {
  const parsed = v.safeParse(Input, input)
  if (!parsed.success) return null
  const { compose, env } = parsed.output
  return settingsOf(compose, servicesOf(compose), env)
}

/** What is left of settings on the disk; `services` are those of the compose file. */
export function settingsOf(compose: string, services: string[], env: Record<string, string>): Settings {
  const envFile = Object.entries(env).map(([name, value]) => `${name}=${value}\n`)
  return {
    sha256: createHash('sha256')
      .update(`${compose}${envFile.join('')}`)
      .digest('hex'),
    services,
    missing: demandedBy(compose).filter((name) => !env[name]),
    plan: env.PLAN ?? null,
  }
}

/** The names of a compose file's services. */
export function servicesOf(compose: string): string[] {
  try {
    const parsed = v.safeParse(Compose, parse(compose))
    return parsed.success ? Object.keys(parsed.output.services) : []
  } catch {
    return []
  }
}

/** `${NAME:?}` in compose.yaml: docker compose does not start without a value. The agent brings RELEASE. */
function demandedBy(compose: string): string[] {
  const names = [...compose.matchAll(/\$\{([A-Z][A-Z0-9_]*):?\?/g)].map((match) => match[1]!)
  return [...new Set(names)].filter((name) => name !== 'RELEASE')
}
