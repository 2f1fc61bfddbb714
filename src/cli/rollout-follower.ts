import {
  isLive,
  type RolloutStatus,
  rolloutSentence,
  settledOf,
  type TargetCounts,
} from '../../views/admin/rollout-words'
import { durationWords } from '../../views/components/time'
import { type Clock, SystemClock, sleep } from '../clock'
import { AtlasError } from '../errors'
import type { Output } from './output'
import type { Remote } from './remote'

/** A rollout as the API tells it. */
export type ToldRollout = {
  id: string
  url: string
  blueprint: string
  release: string
  status: RolloutStatus
  /** It is held, and nobody has asked for that. */
  held_by_itself: boolean
  reason: string | null
  /** From 1. */
  wave: number
  waves: ToldWave[]
  counts: TargetCounts
  total: number
  failed: number
  remaining_ms: number | null
  failures: { part: string | null; reason: string; count: number; tenants: { subdomain: string }[] }[]
  set_aside: { reason: string; count: number }[]
  created_by: string
  created_at: number
  finished_at: number | null
}

type ToldWave = {
  number: number
  size: number
  state: 'waiting' | 'active' | 'baking' | 'done'
  counts: TargetCounts
  failed: number
  bakes_until: number | null
}

export type Screen = {
  /** How many letters a line has on the terminal; null when nobody sees one. */
  columns: number | null
  clock?: Clock
  stop?: AbortSignal
}

const LOOK_EVERY_MS = 1_000
const GONE_MAX_MS = 120_000
const BAR_LETTERS = 24

/** What the process's standard output is. */
export function screenOf({ isTTY, columns }: { isTTY?: boolean; columns?: number }): Screen {
  return { columns: isTTY ? (columns ?? 80) : null }
}

/**
 * Follows a rollout until it has ended or waits for a person, with bars on a terminal and a line at each stretch
 * otherwise. Resolves to how it is then.
 */
export async function followRollout(
  remote: Remote,
  io: Output,
  rolloutId: string,
  { columns, clock = new SystemClock(), stop }: Screen,
): Promise<ToldRollout> {
  let drawn = 0
  let stretch = ''
  let seenAt = clock.now()
  for (;;) {
    const rollout = await askRollout(remote, rolloutId).catch((thrown) => {
      // A rollout goes on when Atlas comes back from a restart, and so does who follows it.
      if (isGone(thrown) && clock.now() - seenAt < GONE_MAX_MS && !stop?.aborted) return null
      throw thrown
    })
    if (rollout === null) {
      await sleep(clock, LOOK_EVERY_MS, stop)
      continue
    }
    seenAt = clock.now()
    if (columns !== null) drawn = redraw(io, barsOf(rollout, columns, clock.now()), drawn)
    else if (stretchOf(rollout) !== stretch) io.out(lineOf(rollout))
    stretch = stretchOf(rollout)
    if (!isLive(rollout.status) || needsPerson(rollout)) return rollout
    await sleep(clock, LOOK_EVERY_MS, stop)
  }
}

/** Whether it goes on only when somebody has looked; who holds it by hand goes on when they like. */
const needsPerson = ({ status, held_by_itself }: ToldRollout) => status === 'frozen' || held_by_itself

const isGone = (thrown: unknown) => thrown instanceof AtlasError && thrown.code === 'unavailable'

export function askRollout(remote: Remote, rolloutId: string): Promise<ToldRollout> {
  return remote.ask<ToldRollout>('GET', `/api/admin/rollouts/${encodeURIComponent(rolloutId)}`)
}

/** Tells how a rollout stands, what failed and why, and where to see more. */
export function tellRollout(io: Output, rollout: ToldRollout, nowMs: number): void {
  const { status, reason, failures, set_aside: setAside, url } = rollout
  io.err(sentenceOf(rollout, nowMs))
  if (reason && status !== 'stopped') io.err(reason)
  for (const { part, reason: why, count, tenants } of failures) {
    const names = tenants.map(({ subdomain }) => subdomain).join(', ')
    io.err(`  ${part ?? 'failed'}: ${why} (${names}${count > tenants.length ? ', …' : ''})`)
  }
  for (const { reason: why, count } of setAside) io.err(`  set aside: ${count}. ${why}`)
  io.err(url)
}

/** 0 while all is well, 1 when the fleet does not have the release and will not get it by itself. */
export function exitCodeOf(rollout: ToldRollout): number {
  const { status } = rollout
  return !needsPerson(rollout) && ['succeeded', 'running', 'held'].includes(status) ? 0 : 1
}

/** A bar for each wave, none longer than a line of the terminal. */
export function barsOf(rollout: ToldRollout, columns: number, nowMs: number): string[] {
  const { release, blueprint, status, waves, counts, total, remaining_ms: left } = rollout
  const digits = 2 * String(total).length + 1
  const row = (name: string, done: number, size: number, words: string) =>
    [name.padEnd(7), barOf(done, size), `${done}/${size}`.padStart(digits), words].join(' ')
  const lines = [
    `${release} to ${blueprint}: ${status.replaceAll('_', ' ')}`,
    ...waves.map((wave) =>
      row(`wave ${wave.number}`, settledOf(status, wave.counts, wave.size), wave.size, wordsOf(wave, nowMs)),
    ),
    row(
      'all',
      settledOf(status, counts, total),
      total,
      left === null ? '' : `about ${durationWords(left)} left`,
    ),
  ]
  return lines.map((line) => [...line.trimEnd()].slice(0, columns).join(''))
}

function barOf(done: number, size: number): string {
  const filled = size === 0 ? 0 : Math.floor((BAR_LETTERS * done) / size)
  return '█'.repeat(filled) + '░'.repeat(BAR_LETTERS - filled)
}

function wordsOf({ state, failed, bakes_until: until }: ToldWave, nowMs: number): string {
  const watched =
    until !== null && until > nowMs ? `watched for ${durationWords(until - nowMs)} more` : 'watched'
  const words = [failed > 0 && `${failed} failed`, state === 'baking' && watched]
  return words.filter(Boolean).join(', ')
}

/** Writes over what was drawn before; returns how many lines there are now. */
function redraw(io: Output, lines: string[], drawn: number): number {
  const clear = drawn > 0 ? `\x1b[${drawn}A\x1b[J` : ''
  io.out(clear + lines.join('\n'))
  return lines.length
}

/** Another one whenever there is news worth a line: a tenth of the fleet, a failure, a wave, a turn. */
function stretchOf(rollout: ToldRollout): string {
  const { status, wave, waves, counts, total, failed } = rollout
  const tenth = Math.floor((10 * settledOf(status, counts, total)) / Math.max(1, total))
  return [status, wave, waves[wave - 1]?.state, failed, tenth].join(' ')
}

function lineOf(rollout: ToldRollout): string {
  const { status, wave, waves, counts, total, failed } = rollout
  const place = `wave ${wave} of ${waves.length}`
  const state = waves[wave - 1]?.state === 'baking' ? `${place}, watched` : place
  const word = status.replaceAll('_', ' ')
  const done = `${settledOf(status, counts, total)} of ${total} tenants`
  return [word, state, done, failed > 0 && `${failed} failed`].filter(Boolean).join(', ')
}

function sentenceOf(rollout: ToldRollout, nowMs: number): string {
  const { release: tag, wave, waves, created_at: createdAt, finished_at: finishedAt } = rollout
  const bakesUntil = waves[wave - 1]?.bakes_until ?? null
  return rolloutSentence({ ...rollout, tag, wave: wave - 1, createdAt, finishedAt, bakesUntil }, nowMs)
}
