import { expect, test } from 'bun:test'
import { ROWS } from '../../src/crashtest/rows'
import { readOptions } from './options'
import { lackOf } from './rows'

test('a seed is passed on to every row, and the kills are still done', () => {
  const { seed, simulated, isAll, kills } = readOptions(['--seed', '7'])
  expect({ seed, isAll, kills }).toEqual({ seed: 7, isAll: true, kills: 200 })
  expect(simulated.slice(0, 4)).toEqual(['--seed', '7', '--row', ROWS[0]?.name ?? ''])
  expect(simulated).toHaveLength(2 + 2 * ROWS.length)
})

test('the number of kills is nobody else’s', () => {
  expect(readOptions(['--kills', '5'])).toEqual({ kills: 5, seed: 20_261_122, simulated: [], isAll: true })
  expect(readOptions(['--kills=5'])).toMatchObject({ kills: 5, simulated: [], isAll: true })
})

test('fewer pairs of crashes are still all rows', () => {
  const asked = ['--pairs', '50']
  expect(readOptions(asked)).toMatchObject({ kills: 200, simulated: asked, isAll: true })
})

test('who asks for a row gets that and nothing else', () => {
  const asked = ['--row', 'A1', '--seed', '7', '--pairs', '0']
  expect(readOptions(asked)).toMatchObject({ simulated: asked, isAll: false })
})

test('what is no number is refused', () => {
  expect(() => readOptions(['--seed', 'x'])).toThrow('--seed takes a whole number.')
  expect(() => readOptions(['--kills'])).toThrow('--kills takes a whole number.')
})

test('kills of an Atlas that had nothing to lose fall short', () => {
  expect(lackOf({ acknowledged: 0, phases: 12 })).toBe('no write was acknowledged')
  expect(lackOf({ acknowledged: 400, phases: 7 })).toBe('only 7 phases were hit, not 8')
  expect(lackOf({ acknowledged: 400, phases: 8 })).toBeUndefined()
})
