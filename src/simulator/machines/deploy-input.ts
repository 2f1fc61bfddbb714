import * as v from 'valibot'
import { Images, LivesWith, Login, Migrate, Release } from './pull'

const count = (max: number) => v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(max))
const look = {
  path: v.pipe(v.string(), v.regex(/^\/[A-Za-z0-9._~/-]{0,200}$/)),
  expect_status: count(599),
}

const Input = v.object({
  release: Release,
  images: Images,
  former: v.object({ release: Release, images: Images }),
  health: v.object({
    ...look,
    host: v.optional(v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9.-]{0,252}(:\d{1,5})?$/))),
    port: v.optional(count(65_535), 8080),
    answers: v.optional(count(10), 3),
    timeout_seconds: count(3600),
  }),
  smoke: v.optional(v.object({ ...look, contains: v.optional(v.pipe(v.string(), v.regex(/^[^\0\r\n]+$/))) })),
  migrate: v.optional(Migrate),
  no_return: v.optional(Release),
  passes: LivesWith,
  lives_with: LivesWith,
  registry: v.optional(Login),
})

export type DeployInput = v.InferOutput<typeof Input>

/** The input of `deploy`; null when the agent would refuse it. */
export function readDeploy(raw: Record<string, unknown>): DeployInput | null {
  const parsed = v.safeParse(Input, raw)
  return parsed.success ? parsed.output : null
}

const Env = v.object({ env: v.record(v.string(), v.string()) })

/** The settings that come with a deploy. */
export function envIn(raw: Record<string, unknown>): Record<string, string> {
  const parsed = v.safeParse(Env, raw)
  return parsed.success ? parsed.output.env : {}
}
