import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { Agenda } from '../../src/simulator/stripe/agenda'

const key = fc.constantFrom('a', 'b', 'c', 'd', 'e')
const change = fc.tuple(key, fc.option(fc.nat(20), { nil: undefined }))

test('an agenda gives what is due in the order of time, each as it was last set', () => {
  fc.assert(
    fc.property(fc.array(change), fc.nat(20), (changes, now) => {
      const agenda = new Agenda()
      const expected = new Map<string, number>()
      for (const [name, at] of changes) {
        agenda.set(name, at)
        if (at === undefined) expected.delete(name)
        else expected.set(name, at)
      }
      const due = [...expected].filter(([, at]) => at <= now)
      const taken = due.map(() => agenda.take(now)!)
      expect(taken.map(({ at }) => at)).toEqual(due.map(([, at]) => at).toSorted((a, b) => a - b))
      expect(new Map(taken.map((one) => [one.key, one.at]))).toEqual(new Map(due))
      expect(agenda.take(now)).toBeUndefined()
      const rest = [...expected.values()].filter((at) => at > now)
      expect(agenda.next()).toBe(rest.length === 0 ? undefined : Math.min(...rest))
    }),
  )
})
