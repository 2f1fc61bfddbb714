import { createHash } from 'node:crypto'
import * as v from 'valibot'
import type { App, Machine, Surroundings } from './machine'
import { RELEASE_LEFT_OPEN } from './settings'

const Image = v.object({
  image: v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9._/:-]{0,250}:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/)),
  digest: v.pipe(v.string(), v.regex(/^sha256:[0-9a-f]{64}$/)),
})
const text = v.pipe(v.string(), v.minLength(1))

export const Release = v.pipe(v.string(), v.regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/))
/** Releases that have changed data for good, as far as what is to run lives with that. */
export const LivesWith = v.optional(v.array(Release), [])
export const Images = v.pipe(v.array(Image), v.maxLength(20))
export const Login = v.object({
  host: v.pipe(v.string(), v.regex(/^[a-z0-9]+([.-][a-z0-9]+)*(:\d{1,5})?$/)),
  username: text,
  password: text,
})

export const Migrate = v.object({
  service: v.pipe(v.string(), v.regex(/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,63}$/)),
  command: v.pipe(v.array(v.pipe(v.string(), v.regex(/^[^\0]+$/))), v.minLength(1)),
})

export type Wanted = {
  release: string
  images?: v.InferOutput<typeof Images>
  registry?: v.InferOutput<typeof Login>
}

/** An app with a release, before it is up. */
export type Fetched = { app: Omit<App, 'upAt' | 'stopped'>; isHere: boolean }

/**
 * The app's image of a release, from the disk or from the registry: by its digest when it is asked for by that,
 * otherwise whatever its tag stands for now.
 */
export function fetchRelease(
  { settings, pulled = [] }: Pick<Machine, 'settings' | 'pulled'>,
  { release, images = [], registry: login }: Wanted,
  surroundings: Surroundings,
): Fetched | 'not_found' | 'unavailable' {
  const named = settings?.image?.replace(RELEASE_LEFT_OPEN, release)
  const pinned = images.find(({ image }) => image === named) ?? images[0]
  const image = pinned?.image ?? named
  const found = image ? surroundings.findImage({ image, digest: pinned?.digest, login }) : undefined
  const digest = found?.digest ?? pinned?.digest ?? digestOf(release)
  const isHere = pulled.includes(digest)
  if (!isHere && !surroundings.registryAnswers()) return 'unavailable'
  if (found === null) return 'not_found'
  return { app: { release, ...found, digest }, isHere }
}

/** The digest of a release's image of which no registry knows. */
export function digestOf(release: string): string {
  return `sha256:${createHash('sha256').update(release).digest('hex')}`
}
