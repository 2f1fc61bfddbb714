import { expect, test } from 'bun:test'
import { Tile } from '../../views/admin/rollout-tiles'
import type { TargetState } from '../../views/admin/rollout-words'

const LETTERS: Record<string, TargetState> = { s: 'succeeded', w: 'waiting', f: 'failed' }

/** Which letter each place of a tile has, by its drawing. */
function drawn(letters: string): string {
  const markup = String(Tile({ states: [...letters].map((letter) => LETTERS[letter]!) }))
  const places = Array<string>(letters.length).fill('?')
  for (const [, letter = '', d = ''] of markup.matchAll(/<path class="(\w)" d="([^"]*)"/g)) {
    for (const [, x, y, length] of d.matchAll(/M(\d) (\d)h(\d+)v1h-\3z/g)) {
      for (let step = 0; step < Number(length); step++) {
        expect(places[Number(y) * 10 + Number(x) + step]).toBe('?')
        places[Number(y) * 10 + Number(x) + step] = letter
      }
    }
  }
  return places.join('')
}

test.each([
  's',
  's'.repeat(100),
  'sw'.repeat(50),
  `${'s'.repeat(37)}f${'w'.repeat(62)}`,
  `${'w'.repeat(9)}${'s'.repeat(12)}${'w'.repeat(5)}`,
])('a tile shows every tenant once, where it stands: %s', (letters) => {
  expect(drawn(letters)).toBe(letters)
})

test('a tile with somebody who failed stands out', () => {
  const markup = (state: TargetState) => String(Tile({ states: ['waiting', state] }))
  expect(markup('failed')).toContain('tile-bad')
  expect(markup('stuck')).toContain('tile-bad')
  expect(markup('back')).not.toContain('tile-bad')
})
