import { invalid } from '../errors'

/** How a release goes out to the fleet. */
export type Strategy = {
  /** Up to where each wave goes, so many tenants or such a share of them; the last one reaches everybody. */
  waves: WaveEnd[]
  /** Who is in the first wave: names or ids of tenants, or `tag:` and a tag. Chance decides when nobody is named. */
  canaries: string[]
  /** How many tenants are at most worked on at the same time. */
  concurrency: number
  /** How long every wave is watched before the next one. */
  bakeMinutes: number
  /** It stops at so many failures or at such a share of the fleet, whichever is more. */
  stop: { failures: number; percent: number }
}

export type WaveEnd = { count: number } | { percent: number }

/** A strategy as a form, a program or a command gives it: what is absent or empty is as usual. */
export type WrittenStrategy = {
  /** `1 / 5 % / 25 % / 100 %`; commas do as well. */
  waves?: string
  /** `ada, grace` or `tag:beta`. */
  canaries?: string
  concurrency?: string | number
  bake_minutes?: string | number
  stop_failures?: string | number
  stop_percent?: string | number
}

export const DEFAULT_STRATEGY: Strategy = {
  waves: [{ count: 1 }, { percent: 5 }, { percent: 25 }, { percent: 100 }],
  canaries: [],
  concurrency: 10,
  bakeMinutes: 10,
  stop: { failures: 2, percent: 2 },
}

const WAVES_MAX = 20
const CANARIES_MAX = 100

/** Reads a strategy. Throws one `invalid` that says of every field what is wrong with it. */
export function parseStrategy(written: WrittenStrategy): Strategy {
  const fields: Record<string, string> = {}
  const usual = DEFAULT_STRATEGY
  const whole = (name: NumberField, range: Range, otherwise: number) => {
    const words = `Must be a whole number from ${range.min} to ${range.max}.`
    return orField(fields, name, words, () => parseNumber(written[name], range, otherwise))
  }
  const strategy = {
    waves: parseWaves(written.waves, fields),
    canaries: parseCanaries(written.canaries, fields),
    concurrency: whole('concurrency', { min: 1, max: 50 }, usual.concurrency),
    bakeMinutes: whole('bake_minutes', { min: 0, max: 1440 }, usual.bakeMinutes),
    stop: {
      failures: whole('stop_failures', { min: 1, max: 10_000 }, usual.stop.failures),
      percent: whole('stop_percent', { min: 0, max: 100 }, usual.stop.percent),
    },
  }
  if (Object.keys(fields).length > 0) throw invalid('Some fields need another look.', fields)
  return strategy
}

/** As `parseStrategy` reads it: '1 / 5 % / 25 % / 100 %'. */
export function wavesInWords(waves: readonly WaveEnd[]): string {
  return waves.map((wave) => ('count' in wave ? `${wave.count}` : `${wave.percent} %`)).join(' / ')
}

type NumberField = 'concurrency' | 'bake_minutes' | 'stop_failures' | 'stop_percent'
type Range = { min: number; max: number }

function parseNumber(written: string | number | undefined, { min, max }: Range, otherwise: number): number {
  const text = String(written ?? '').trim()
  if (text === '') return otherwise
  const value = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN
  if (!(value >= min && value <= max)) throw new RangeError()
  return value
}

function orField(fields: Record<string, string>, name: string, words: string, read: () => number): number {
  try {
    return read()
  } catch {
    fields[name] = words
    return Number.NaN
  }
}

function parseWaves(written: string | undefined, fields: Record<string, string>): WaveEnd[] {
  if (!written?.trim()) return DEFAULT_STRATEGY.waves
  const parts = written.split(/[/,]/, WAVES_MAX + 1)
  const waves = parts.map(parseWave)
  const unread = waves.indexOf(null)
  if (parts.length > WAVES_MAX) fields.waves = `There are at most ${WAVES_MAX} waves.`
  else if (unread >= 0)
    fields.waves = `Wave ${unread + 1} is neither a number of tenants (1) nor a share of them (5 %).`
  const read = waves.filter((wave) => wave !== null)
  const disorder = fields.waves ? null : disorderOf(read)
  if (disorder) fields.waves = disorder
  return read
}

function parseWave(text: string): WaveEnd | null {
  const [, digits, percent] = /^\s*(\d{1,6}(?:\.\d{1,2})?)\s*(%?)\s*$/.exec(text) ?? []
  const value = Number(digits)
  if (percent) return value > 0 && value <= 100 ? { percent: value } : null
  return value >= 1 && Number.isInteger(value) ? { count: value } : null
}

/** Waves say how far they go, not how many they add. */
function disorderOf(waves: readonly WaveEnd[]): string | null {
  const grows = (ends: number[]) => ends.every((end, at) => at === 0 || end > (ends[at - 1] ?? 0))
  const counts = waves.flatMap((wave) => ('count' in wave ? [wave.count] : []))
  const percents = waves.flatMap((wave) => ('percent' in wave ? [wave.percent] : []))
  if (!grows(counts) || !grows(percents))
    return 'Each wave says up to where it goes, so each must go further than the one before: 1 / 5 % / 25 % / 100 %.'
  const last = waves.at(-1)
  if (last && 'percent' in last && last.percent === 100) return null
  return 'The last wave must be 100 %: nobody is left behind by a plan.'
}

function parseCanaries(written: string | undefined, fields: Record<string, string>): string[] {
  const words = [...new Set((written ?? '').split(/[\s,]+/).filter(Boolean))]
  if (words.length > CANARIES_MAX) fields.canaries = `At most ${CANARIES_MAX} can be named.`
  else if (!words.every((word) => /^(tag:)?[a-z0-9][a-z0-9_-]{0,62}$/.test(word)))
    fields.canaries = 'Must be names of tenants, or tag: and a tag, with commas between them.'
  return words
}
