import { Database } from 'bun:sqlite'
import { test } from 'bun:test'
import fc from 'fast-check'
import { containing } from '../../src/db/page'

const sqlite = new Database(':memory:')
const like = sqlite.query("SELECT ?1 LIKE ?2 ESCAPE '\\' AS found")
const finds = (text: string, search: string) =>
  (like.get(text, containing(search)) as { found: number }).found === 1

test('a search finds what contains it, and nothing in it is a wildcard', () => {
  const ascii = fc.string({ unit: fc.constantFrom(...'ab%_\\\'"*?[]'), maxLength: 6 })
  fc.assert(
    fc.property(ascii, ascii, (text, search) => finds(text, search) === text.includes(search)),
    { numRuns: 2_000 },
  )
})
