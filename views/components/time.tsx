import type { Html } from '../jsx-runtime'

const SECOND_MS = 1000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

/** A moment in relative words ('3 min ago'), with the exact time on hover. Both in UTC milliseconds. */
export function Time({ at, now }: { at: number; now: number }): Html {
  return (
    <time datetime={new Date(at).toISOString()} title={exactTime(at)}>
      {relativeTime(at, now)}
    </time>
  )
}

/** A moment as the time of day, for logs and timelines; the reader's zone replaces UTC where script runs. */
export function ClockTime({ at }: { at: number }): Html {
  const iso = new Date(at).toISOString()
  return (
    <time datetime={iso} title={exactTime(at)} data-clock>
      {iso.slice(11, 19)}
    </time>
  )
}

/**
 * 'just now', '12 s ago', 'in 5 min', and the date from a week on. What has passed is told in whole units; what is to
 * come in the nearest one, as somebody who was promised a week sees it a minute later. Both in UTC milliseconds.
 */
export function relativeTime(at: number, now: number): string {
  const distance = Math.abs(now - at)
  if (distance < 5 * SECOND_MS) return 'just now'
  if (distance >= 7 * DAY_MS) return DATE.format(at)
  return at > now ? `in ${distanceWords(nearest(distance))}` : `${distanceWords(distance)} ago`
}

function nearest(distanceMs: number): number {
  const unitMs = [DAY_MS, HOUR_MS, MINUTE_MS].find((ms) => distanceMs >= ms) ?? SECOND_MS
  return Math.round(distanceMs / unitMs) * unitMs
}

function distanceWords(distanceMs: number): string {
  if (distanceMs < MINUTE_MS) return `${Math.floor(distanceMs / SECOND_MS)} s`
  if (distanceMs < HOUR_MS) return `${Math.floor(distanceMs / MINUTE_MS)} min`
  if (distanceMs < DAY_MS) return `${Math.floor(distanceMs / HOUR_MS)} h`
  const days = Math.floor(distanceMs / DAY_MS)
  return days === 1 ? '1 day' : `${days} days`
}

/** How long something has been going on, in whole seconds; local-time.js lets it go on between two renderings. */
export function Elapsed({ ms }: { ms: number }): Html {
  const whole = Math.max(0, Math.floor(ms / SECOND_MS) * SECOND_MS)
  return <span data-elapsed={ms}>{whole < MINUTE_MS ? distanceWords(whole) : durationWords(whole)}</span>
}

/** '40 ms', '0.8 s', '12 s', '1 min 05 s', '2 h 03 min', '6 d 23 h'. */
export function durationWords(ms: number): string {
  if (ms < 0.1 * SECOND_MS) return `${Math.max(0, Math.round(ms))} ms`
  if (ms < 10 * SECOND_MS) return `${(ms / SECOND_MS).toFixed(1)} s`
  if (ms < MINUTE_MS) return `${Math.floor(ms / SECOND_MS)} s`
  if (ms < HOUR_MS) return twoUnits(ms, [MINUTE_MS, 'min'], [SECOND_MS, 's'])
  if (ms < 2 * DAY_MS) return twoUnits(ms, [HOUR_MS, 'h'], [MINUTE_MS, 'min'])
  return twoUnits(ms, [DAY_MS, 'd'], [HOUR_MS, 'h'])
}

/** About how long, for what nobody knows to the second: '40 s', '5 min', '1 h 05 min'. Rounds up. */
export function roughDuration(ms: number): string {
  if (ms <= 55 * SECOND_MS) return `${Math.max(5, Math.ceil(ms / (5 * SECOND_MS)) * 5)} s`
  if (ms <= 59 * MINUTE_MS) return `${Math.ceil(ms / MINUTE_MS)} min`
  return durationWords(Math.ceil(ms / MINUTE_MS) * MINUTE_MS)
}

type Unit = [ms: number, name: string]

function twoUnits(ms: number, [bigMs, big]: Unit, [smallMs, small]: Unit): string {
  return `${Math.floor(ms / bigMs)} ${big} ${pad(Math.floor((ms % bigMs) / smallMs))} ${small}`
}

const exactTime = (at: number) => `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} UTC`
const pad = (value: number) => String(value).padStart(2, '0')
const DATE = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  timeZone: 'UTC',
})
