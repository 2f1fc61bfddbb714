/** Those who are asked in a look, each for all that it holds. */
export const SOURCES = ['hetzner', 's3', 'route53', 'stripe'] as const

export type Source = (typeof SOURCES)[number]

/** A source that a look could not list, and since which moment (UTC milliseconds) no look could. */
export type Unlisted = { source: Source; error: string; since: number }

/** What the looks so far could not list, carried on: a source stays unlisted since it first was. */
export function unlistedSince(
  failures: readonly Omit<Unlisted, 'since'>[],
  before: readonly Unlisted[],
  nowMs: number,
): Unlisted[] {
  return failures.map((failure) => {
    const known = before.find(({ source }) => source === failure.source)
    return { ...failure, since: known?.since ?? nowMs }
  })
}
