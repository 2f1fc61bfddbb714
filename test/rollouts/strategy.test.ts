import { describe, expect, test } from 'bun:test'
import { AtlasError } from '../../src/errors'
import {
  DEFAULT_STRATEGY,
  parseStrategy,
  type WrittenStrategy,
  wavesInWords,
} from '../../src/rollouts/strategy'

function refused(written: WrittenStrategy): Record<string, string> {
  try {
    parseStrategy(written)
  } catch (thrown) {
    if (thrown instanceof AtlasError) return thrown.fields ?? {}
  }
  throw new Error('it was not refused')
}

describe('a strategy as it is written', () => {
  test('is the usual one when nothing is said', () => {
    expect(parseStrategy({})).toEqual(DEFAULT_STRATEGY)
    expect(parseStrategy({ waves: ' ', concurrency: '', canaries: '' })).toEqual(DEFAULT_STRATEGY)
  })

  test('may be spelled in several ways', () => {
    for (const waves of ['1 / 5 % / 25 % / 100 %', '1/5%/25%/100%', '1,5%,25%,100%', ' 1 , 5 %,25% ,100 % '])
      expect(parseStrategy({ waves }).waves).toEqual(DEFAULT_STRATEGY.waves)
    expect(wavesInWords(DEFAULT_STRATEGY.waves)).toBe('1 / 5 % / 25 % / 100 %')
    expect(parseStrategy({ waves: '100%' }).waves).toEqual([{ percent: 100 }])
    expect(parseStrategy({ waves: '0.5 % / 100 %' }).waves[0]).toEqual({ percent: 0.5 })
  })

  test('takes numbers as text and as numbers', () => {
    const written = { concurrency: '3', bake_minutes: 0, stop_failures: '1', stop_percent: 5 }
    expect(parseStrategy(written)).toMatchObject({
      concurrency: 3,
      bakeMinutes: 0,
      stop: { failures: 1, percent: 5 },
    })
  })

  test('names canaries once each, by name, id or tag', () => {
    const { canaries } = parseStrategy({ canaries: 'ada, grace,tag:beta ten_01abc ada' })
    expect(canaries).toEqual(['ada', 'grace', 'tag:beta', 'ten_01abc'])
  })
})

describe('what is refused, each in its own field', () => {
  test('waves that are none', () => {
    expect(refused({ waves: '1 / five % / 100 %' }).waves).toBe(
      'Wave 2 is neither a number of tenants (1) nor a share of them (5 %).',
    )
    for (const waves of [
      '0 / 100 %',
      '1.5 / 100 %',
      '-1 / 100 %',
      '1 // 100 %',
      '5 % / 101 %',
      '0 % / 100 %',
    ])
      expect(refused({ waves }).waves).toContain('is neither a number of tenants')
    expect(refused({ waves: Array(30).fill('1').join('/') }).waves).toBe('There are at most 20 waves.')
  })

  test('waves that do not go further than those before them, or not to the end', () => {
    for (const waves of ['5 % / 5 % / 100 %', '10 / 2 / 100 %', '50 % / 25 % / 100 %'])
      expect(refused({ waves }).waves).toContain('each must go further than the one before')
    for (const waves of ['1', '1 / 5 %', '5 % / 99 %', '100 % / 500'])
      expect(refused({ waves }).waves).toBe('The last wave must be 100 %: nobody is left behind by a plan.')
  })

  test('numbers out of their range, and all of them at once', () => {
    const fields = refused({
      waves: 'x',
      concurrency: 51,
      bake_minutes: '-1',
      stop_failures: 0,
      stop_percent: '1e3',
      canaries: 'Ada!',
    })
    expect(Object.keys(fields).sort()).toEqual([
      'bake_minutes',
      'canaries',
      'concurrency',
      'stop_failures',
      'stop_percent',
      'waves',
    ])
    expect(fields.concurrency).toBe('Must be a whole number from 1 to 50.')
  })

  test('more canaries than anybody wants', () => {
    const canaries = Array.from({ length: 101 }, (_, number) => `t${number}`).join(' ')
    expect(refused({ canaries }).canaries).toBe('At most 100 can be named.')
  })

  test('nothing of what was written is said back', () => {
    const fields = refused({ waves: '<script>', canaries: '<b>', concurrency: '<i>' })
    expect(JSON.stringify(fields)).not.toContain('<')
  })
})
