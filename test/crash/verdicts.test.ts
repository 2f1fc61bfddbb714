import { expect, test } from 'bun:test'
import { inTheEnd, Verdicts } from './verdicts'

const ROWS = `A2 stories=172 wrong=0 minutes=0.1 pass (what must break does)
   at createServer: 3
A10 stories=1 wrong=0 minutes=0.2 short (one crowd)
   491 requests
dangling stories=191 wrong=2 minutes=0.2 fail (a name after its server)
   the shortest story: atlas crashtest --story '{}' pass (
`

test('what became of each row is read off its line, however the lines come', () => {
  const verdicts = new Verdicts()
  const bytes = new TextEncoder().encode(ROWS)
  for (let at = 0; at < bytes.length; at += 7) verdicts.read(bytes.slice(at, at + 7))
  expect(verdicts.all).toEqual([
    { name: 'A2', verdict: 'pass' },
    { name: 'A10', verdict: 'short' },
    { name: 'dangling', verdict: 'fail' },
  ])
})

test('in the end all rows stand in one line, in the order of the bar', () => {
  const all = ['A10', 'A4', 'D1', 'A1', 'dangling', 'C6'].map((name) => ({ name, verdict: 'pass' }))
  expect(inTheEnd(all)).toBe('6 of 6 rows pass: A1 pass, A4 pass, A10 pass, C6 pass, D1 pass, dangling pass')
  expect(inTheEnd([...all, { name: 'A3', verdict: 'short' }])).toStartWith(
    '6 of 7 rows pass: A1 pass, A3 short',
  )
})
