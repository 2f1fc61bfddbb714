import { beforeAll, expect, test } from 'bun:test'
import { openShop } from '../../src/crashtest/bases'
import { play } from '../../src/crashtest/play'
import type { Shop } from '../../src/crashtest/shop'
import type { Act, Story } from '../../src/crashtest/story'

const TIMEOUT_MS = 60_000

let shop: Shop
beforeAll(async () => {
  shop = await openShop()
})

/** A customer to whom these things happen. */
function ada(acts: Act[], change: Partial<Story> = {}): Story {
  const customers = [{ name: 'ada', plan: 'starter' as const, isLive: true as const, acts }]
  return { seed: 1, customers, deaths: [], weather: [], outages: [], jumps: [], ...change }
}

/** What seeds of the crash simulation have found, each as short as it could be told. */
const STORIES: [says: string, story: Story][] = [
  [
    'a change of plan is cancelled while the customer leaves',
    ada([
      { kind: 'change plan', after: 42 },
      { kind: 'cancel', after: 1_669, atOnce: true },
      { kind: 'customer cancels', after: 967, atOnce: true },
    ]),
  ],
  [
    'a new price reaches Stripe after Atlas has died and the change was taken back',
    ada(
      [
        { kind: 'change plan', after: 1_000 },
        { kind: 'cancel', after: 3_000, atOnce: true },
      ],
      {
        deaths: ['during stripe POST /subscriptions/:id'],
        weather: [
          { call: 'stripe GET /subscriptions/:id', nth: 1, how: 'slow' },
          { call: 'stripe POST /subscriptions/:id', nth: 1, how: 'slow' },
        ],
      },
    ),
  ],
  [
    'a mail’s answer is lost just before a day goes by in which nobody could ask for it',
    ada([{ kind: 'suspend', after: 1_000 }], {
      weather: [{ call: 'resend POST /emails', nth: 1, how: 'reply lost' }],
      jumps: [{ at: 1_200, ms: 86_400_000 }],
    }),
  ],
  [
    'somebody writes while an image is put back, before Atlas knows that it is there',
    ada([
      { kind: 'make an image', after: 1_000 },
      { kind: 'restore', after: 8_000 },
      { kind: 'make an image', after: 1_000, atOnce: true },
    ]),
  ],
]

test.each(STORIES)(
  'nothing is broken when %s',
  async (_says, story) => {
    expect((await play(shop, story)).wrong).toEqual([])
  },
  TIMEOUT_MS,
)
