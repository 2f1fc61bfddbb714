import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { liveStory } from '../../src/cli/story'
import { liveOn } from '../../src/cli/story/life'
import type { Event } from '../../src/simulator/stripe/events'
import type { Exchange } from '../../src/simulator/twin'
import { ADA, type SmallDemo, startSmallDemo } from '../cli/small-demo'
import { checkCloudInit } from './cloud-init'
import { checkCompose } from './compose'
import { checkHetzner } from './hetzner'
import { checkResend } from './resend'
import { checkRoute53 } from './route53'
import { checkS3 } from './s3'
import { checkStripe, checkStripeEvent } from './stripe'

const CHECKS: Record<string, (exchange: Exchange) => string[]> = {
  stripe: checkStripe,
  hetzner: checkHetzner,
  route53: checkRoute53,
  resend: checkResend,
  s3: checkS3,
}

describe('in a whole story, held to the vendors’ own specifications', () => {
  const exchanges: Exchange[] = []
  let small: SmallDemo

  beforeAll(async () => {
    small = await startSmallDemo()
    small.clouds.front.observe((exchange) => exchanges.push(exchange))
    const ada = { ...ADA, subdomain: 'ada-contract' }
    const people = await liveStory(small.scene, ada)
    const otherPlan = { key: 'pro', id: 'virtues/pro' }
    const can = { otherPlan, holdingPage: true, backups: true, rotation: true }
    await liveOn(small.scene, ada, people, can, async () => {})
  }, 60_000)
  afterAll(() => small.stop())

  test.each(Object.entries(CHECKS))('every request to %s and every answer is sound', (provider, check) => {
    const mine = exchanges.filter((exchange) => exchange.provider === provider)
    expect(mine.length).toBeGreaterThan(0)
    expect(mine.flatMap(check)).toEqual([])
  })

  test('all vendors were asked for what a tenant’s whole life needs', () => {
    const asked = new Set(exchanges.map(({ provider, verb }) => `${provider} ${verb}`))
    for (const verb of [
      ...[
        'stripe POST /checkout/sessions',
        'stripe POST /subscriptions/:id',
        'stripe DELETE /subscriptions/:id',
      ],
      ...['hetzner POST /servers', 'hetzner DELETE /servers/{id}', 'resend POST /emails'],
      ...[
        'hetzner POST /servers/{id}/actions/change_type',
        'hetzner POST /servers/{id}/actions/create_image',
      ],
    ]) {
      expect(asked).toContain(verb)
    }
    expect([...asked].some((verb) => verb.includes('ChangeResourceRecordSets'))).toBe(true)
  })

  test('the user-data that was sent is sound for cloud-init, and the compose file for Compose', () => {
    const creation = exchanges.find(({ verb }) => verb === 'POST /servers')
    const { user_data: userData } = JSON.parse(creation?.requestBody ?? '{}') as { user_data: string }
    expect(checkCloudInit(userData)).toEqual([])
    for (const { compose } of small.services.catalog.blueprints) expect(checkCompose(compose)).toEqual([])
  })

  test('every webhook that was sent is an event of Stripe', () => {
    const events = small.clouds.world.table<Event>('stripe_events').all()
    expect(events.map(({ type }) => type)).toContain('checkout.session.completed')
    expect(events.flatMap((event) => checkStripeEvent(event))).toEqual([])
  })
})
