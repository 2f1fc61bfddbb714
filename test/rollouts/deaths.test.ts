import { beforeAll, describe, expect, test } from 'bun:test'
import { openShop } from '../../src/crashtest/bases'
import { unlike } from '../../src/crashtest/plain'
import { RolloutTrial, TALES } from '../../src/crashtest/rollout'
import { rolloutDeaths, unlikeCalm } from '../../src/crashtest/rows/rollout-deaths'
import type { Shop } from '../../src/crashtest/shop'

// `bun run crashtest` has Atlas die at every moment; here are some of each tale's.
const ONE_OF = 23
const TIMEOUT_MS = 240_000

let shop: Shop
beforeAll(async () => {
  shop = await openShop()
})

describe('Atlas may die at any effect and any commit of', () => {
  test.each(TALES.map(({ name }) => name))(
    '%s: it ends as if nothing had been, with nobody deployed twice',
    async (name) => {
      const part = TALES.findIndex((tale) => tale.name === name)
      const task = { shop, part, of: ONE_OF, seed: 1, seeds: 1, kinds: [name], everyPair: 0 }
      const { wrong, figures } = await rolloutDeaths.run(task)
      expect(wrong).toEqual([])
      expect(figures.singles).toBeGreaterThan(1)
    },
    TIMEOUT_MS,
  )
})

describe.each(TALES.slice(0, 3))('Atlas may die around the first deploy of $name', (tale) => {
  test(
    'before, while and after its machine is asked',
    async () => {
      const trial = await RolloutTrial.of(shop, tale)
      const calm = await trial.tell([])
      for (const when of ['before', 'during', 'after'])
        expect(unlikeCalm(await trial.tell([`${when} ssh deploy`]), calm)).toEqual([])
    },
    TIMEOUT_MS,
  )
})

describe('the check itself', () => {
  test(
    'rejects an Atlas whose commands have other names in each life, which deploys twice',
    async () => {
      const trial = await RolloutTrial.of(shop, TALES[0]!)
      const calm = await trial.tell([])
      const death = 'during ssh deploy'
      expect(unlikeCalm(await trial.tell([death]), calm)).toEqual([])
      expect(unlikeCalm(await trial.tell([death], unlike), calm).join()).toContain('deploys: {"ada":2')
    },
    TIMEOUT_MS,
  )
})
