import { createHash } from 'node:crypto'
import { YAML } from 'bun'
import * as v from 'valibot'
import type { Settings } from './machine'

/** Stands in an image's name where its release comes. */
export const RELEASE_LEFT_OPEN = '{release}'

/** What a machine reads in a compose file: its services, and the image of `app`. */
export type ComposeFacts = { services: string[]; image: string | null }

const Input = v.object({
  compose: v.pipe(v.string(), v.minLength(1)),
  env: v.record(
    v.pipe(v.string(), v.regex(/^[A-Z][A-Z0-9_]{0,63}$/)),
    v.pipe(v.string(), v.regex(/^[^\0\r\n]*$/)),
  ),
})
const Compose = v.object({ services: v.record(v.string(), v.unknown()) })
const Service = v.object({ image: v.string() })

/** What the agent would write to disk, without the values; null when the agent would refuse it. */
export function readSettings(input: Record<string, unknown>): Settings | null {
  const parsed = v.safeParse(Input, input)
  if (!parsed.success) return null
  const { compose, env } = parsed.output
  return settingsOf(compose, factsOf(compose), env)
}

/** What is left of settings on the disk. */
export function settingsOf(
  compose: string,
  { services, image }: ComposeFacts,
  env: Record<string, string>,
): Settings {
  const envFile = Object.entries(env).map(([name, value]) => `${name}=${value}\n`)
  return {
    sha256: createHash('sha256')
      .update(`${compose}${envFile.join('')}`)
      .digest('hex'),
    services,
    missing: demandedBy(compose).filter((name) => !env[name]),
    plan: env.PLAN ?? null,
    image: image && filled(image, env),
  }
}

const known = new Map<string, ComposeFacts>()
const KNOWN_MAX = 100

/** Reads a compose file; of one that is malformed nothing is known. Most machines have the same one. */
export function factsOf(compose: string): ComposeFacts {
  const facts = known.get(compose) ?? readFacts(compose)
  if (known.size >= KNOWN_MAX) known.clear()
  known.set(compose, facts)
  return facts
}

function readFacts(compose: string): ComposeFacts {
  const nothing = { services: [], image: null }
  try {
    const parsed = v.safeParse(Compose, YAML.parse(compose))
    if (!parsed.success) return nothing
    const { services } = parsed.output
    const app = v.safeParse(Service, services.app)
    return { services: Object.keys(services), image: app.success ? app.output.image : null }
  } catch {
    return nothing
  }
}

/** As docker compose fills in, but for RELEASE, which every start brings anew. */
function filled(image: string, env: Record<string, string>): string {
  return image.replace(/\$\{([A-Z][A-Z0-9_]*)[^}]*\}/g, (_, name: string) =>
    name === 'RELEASE' ? RELEASE_LEFT_OPEN : (env[name] ?? ''),
  )
}

/** `${NAME:?}` in compose.yaml: docker compose does not start without a value. The agent brings RELEASE. */
function demandedBy(compose: string): string[] {
  const names = [...compose.matchAll(/\$\{([A-Z][A-Z0-9_]*):?\?/g)].map((match) => match[1]!)
  return [...new Set(names)].filter((name) => name !== 'RELEASE')
}
