import { expect, test } from 'bun:test'
import fc from 'fast-check'

test('properties are tried with the same examples in every run', () => {
  const examples = () => {
    const seen: string[] = []
    fc.assert(fc.property(fc.string(), (text) => void seen.push(text)))
    return seen
  }
  expect(examples()).toEqual(examples())
})
