import { AtlasError } from '../../errors'

/** Stripe may add words to its lists at any time; one that Atlas does not know must not pass as another. */
export function known<const T extends string>(value: string | null, words: readonly T[]): T {
  const word = words.find((one) => one === value)
  if (word === undefined) throw new AtlasError('internal', 'Stripe answered with a word Atlas does not know.')
  return word
}

/** The id of what may be expanded. */
export function idOf(value: string | { id: string } | null): string | null {
  return typeof value === 'object' ? (value?.id ?? null) : value
}

/** Stripe's seconds as milliseconds. */
export function atMs(seconds: number): number
export function atMs(seconds: number | null): number | null
export function atMs(seconds: number | null): number | null {
  return seconds === null ? null : seconds * 1000
}
