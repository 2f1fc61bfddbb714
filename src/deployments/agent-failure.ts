import * as v from 'valibot'
import type { AtlasError } from '../errors'

const Failure = v.object({
  part: v.picklist(['space', 'pull', 'migrate', 'switch', 'health', 'smoke']),
  back: v.boolean(),
  log: v.array(v.string()),
})

/** What the agent says of a deploy that failed. */
export type DeployFailure = {
  /** Which part failed. */
  part: 'space' | 'pull' | 'migrate' | 'switch' | 'health' | 'smoke'
  /** Whether the former release runs; false when the way back failed too, or there is none. */
  back: boolean
  /** The last 100 lines before the way back. */
  log: string[]
}

/** What the agent said of a deploy that failed, or null when it said nothing: the server could not be reached, say. */
export function deployFailure({ facts }: Pick<AtlasError, 'facts'>): DeployFailure | null {
  const parsed = v.safeParse(Failure, facts)
  return parsed.success ? parsed.output : null
}
