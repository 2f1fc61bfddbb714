import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { newId } from '../src/ids'

const NOW = Date.UTC(2026, 10, 22)

describe('an id', () => {
  test('says what it names and holds nothing that needs escaping', () => {
    for (let i = 0; i < 200; i++) expect(newId('ten', NOW)).toMatch(/^ten_[0-9a-hjkmnp-tv-z]{23}$/)
  })

  test('sorts by its time', () => {
    const moment = fc.integer({ min: 0, max: 32 ** 10 - 1 })
    fc.assert(
      fc.property(moment, moment, (one, other) => {
        const [first, second] = [newId('run', one), newId('run', other)].map((id) => id.slice(0, 14))
        return one === other ? first === second : one < other === first! < second!
      }),
    )
  })

  test('is never given twice, also within a millisecond', () => {
    const ids = Array.from({ length: 20_000 }, () => newId('eff', NOW))
    expect(new Set(ids).size).toBe(ids.length)
  })

  test('depends on nothing but the time and the randomness passed in', () => {
    const zeros = (size: number) => new Uint8Array(size)
    expect(newId('sig', NOW, zeros)).toBe(newId('sig', NOW, zeros))
    expect(newId('sig', 0, zeros)).toBe(`sig_${'0'.repeat(23)}`)
  })
})
