import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { conflict, unavailable } from '../../src/errors'
import { recoverRuns } from '../../src/runs/claim'
import type { Intent } from '../../src/runs/effects'
import { done } from '../../src/runs/recipe'
import { Workshop } from './workshop'

let shop: Workshop
beforeEach(async () => {
  shop = await Workshop.open()
})
afterEach(() => shop.close())

const INTENT: Intent = { provider: 'hetzner', verb: 'ensureServer', key: 'ada', summary: { name: 'ada' } }

/** Carries one step that makes this call. */
function call(action: () => Promise<string>): Promise<string> {
  return shop.carryToTheEnd(
    shop.recipe({
      step: async ({ effect }) => {
        await effect(INTENT, action, (reply) => reply)
        return done()
      },
    }),
  )
}

describe('the ledger', () => {
  test('has the intent before the call, and the outcome with the other side’s id after it', async () => {
    const during: unknown[] = []
    const runId = await call(async () => {
      during.push(...shop.ledger())
      shop.clock.advance(250)
      return '4711'
    })
    const asked = { ...INTENT, runId, step: 'step', subject: shop.tenantId, summary: '{"name":"ada"}' }
    expect(during).toMatchObject([{ ...asked, outcome: 'intended', externalId: null, finishedAt: null }])
    const [row] = shop.ledger()
    expect(row).toMatchObject({ ...asked, outcome: 'done', externalId: '4711', error: null })
    expect((row?.finishedAt ?? 0) - (row?.requestedAt ?? 0)).toBe(250)
  })

  test('says refused when the other side surely did nothing', async () => {
    const details = { outcome: 'refused' as const, vendorCode: 'resource_limit_exceeded' }
    await call(() => Promise.reject(conflict('The project is full.', details)))
    expect(shop.ledger()).toMatchObject([
      { outcome: 'refused', error: 'The project is full.', vendorCode: 'resource_limit_exceeded' },
    ])
  })

  test('says refused of an answer that is a refusal by its code', async () => {
    await call(() => Promise.reject(conflict('The name is taken.')))
    expect(shop.ledger()).toMatchObject([{ outcome: 'refused', error: 'The name is taken.' }])
  })

  test('says unknown when the reply was lost, and again when it is lost again', async () => {
    let lost = 2
    await call(async () => {
      if (lost-- > 0) throw unavailable('The reply was lost.', { outcome: 'unknown' })
      return '4711'
    })
    expect(shop.ledger().map(({ outcome }) => outcome)).toEqual(['unknown', 'unknown', 'done'])
  })

  test('says unknown of what Atlas did not foresee, without its words', async () => {
    await call(() => Promise.reject(new TypeError('secret detail')))
    const [row] = shop.ledger()
    expect(row?.outcome).toBe('unknown')
    expect(row?.error).not.toContain('secret')
  })

  test('says unknown of what a crash cut off, once Atlas is back', async () => {
    const sent = Promise.withResolvers<void>()
    void call(() => {
      sent.resolve()
      return new Promise(() => {})
    })
    await sent.promise
    expect(shop.ledger()).toMatchObject([{ outcome: 'intended' }])
    shop.clock.advance(1_000)
    shop.db.write((tx) => recoverRuns(tx, shop.clock.now()))
    expect(shop.ledger()).toMatchObject([{ outcome: 'unknown', finishedAt: shop.clock.now() }])
  })
})

describe('a run’s log', () => {
  test('holds no secret, and lines of at most 2,000 characters', async () => {
    shop.stage.services.log.hide('hunter2-hunter2')
    const runId = await shop.carryToTheEnd(
      shop.recipe({
        talk: async ({ log }) => {
          log('the password is hunter2-hunter2')
          log('x'.repeat(5_000))
          return done()
        },
      }),
    )
    const [first = '', second = ''] = shop.lines(runId)
    expect(first).toBe('the password is [hidden]')
    expect(second).toBe('x'.repeat(2_000))
  })

  test('keeps the first 500 lines of each step, in order, so that a talkative one leaves room for the next', async () => {
    const runId = await shop.carryToTheEnd(
      shop.recipe({
        pull: async ({ log }) => {
          for (let line = 1; line <= 600; line++) log(`line ${line}`)
          return done()
        },
        check: async ({ log }) => {
          log('last words')
          return done()
        },
      }),
    )
    const lines = shop.lines(runId)
    expect(lines).toHaveLength(501)
    expect([lines[0], lines[499], lines[500]]).toEqual(['line 1', 'line 500', 'last words'])
  })
})
