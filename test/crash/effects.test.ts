import { afterEach, describe, expect, test } from 'bun:test'
import { chanceFrom } from '../../src/crashtest/chance'
import type { Services } from '../../src/services'
import { census, EXACTLY_ONE, NOTHING } from './census'
import { type Fate, withMethods } from './fate'
import { Land } from './land'

const TIMEOUT_MS = 120_000
const STORIES_OF_MANY_CRASHES = 15
const LIVES = 8
const LIFE_MOMENTS_MAX = 25
const TWO_TTL_MS = 120_000

// CRASH_SEED=... brings the same deaths again.
const seed = Number(process.env.CRASH_SEED ?? 20_261_122)

let land: Land | undefined
afterEach(() => land?.close())

/** A new land, in the place of the one before. */
async function newLand(): Promise<Land> {
  await land?.close()
  land = await Land.open()
  return land
}

type Story = (land: Land, deaths: (number | string)[]) => Promise<Fate[]>

const provision: Story = (land, deaths) => land.live(deaths)

/** The app does not start, and the operator undoes everything; the deaths come while it is undone. */
const undo: Story = async (land, deaths) => {
  land.fault('machine', 'start', 'refuse', { code: 'conflict' })
  await land.live()
  land.undo()
  return land.live(deaths)
}

describe('a crash at every moment, one at a time', () => {
  test('of provisioning: exactly one of everything', () => crashAtEach(provision, EXACTLY_ONE), TIMEOUT_MS)

  test('of undoing: nothing is left', () => crashAtEach(undo, NOTHING), TIMEOUT_MS)

  async function crashAtEach(story: Story, expected: typeof EXACTLY_ONE): Promise<void> {
    const wrong: unknown[] = []
    const hit = new Set<string>()
    const crashAt = async (death: number | string) => {
      const land = await newLand()
      const [life] = await story(land, [death])
      const found = census(land)
      const moment = life?.moments.at(-1) ?? ''
      const isRight = Bun.deepEquals(found, expected) && wasHeld(land)
      if (!isRight) wrong.push({ death, moment, found, reason: land.run.reason })
      if (life?.isDead) hit.add(moment)
      return life
    }
    let life = await crashAt(0)
    for (let number = 1; life?.isDead; number++) life = await crashAt(number)
    // Mails and steps overtake one another, so what their numbers have missed is hit by name.
    const moments = new Set(life?.moments)
    for (const moment of moments) if (!hit.has(moment)) await crashAt(moment)
    expect(wrong).toEqual([])
    expect([...hit].sort()).toEqual([...moments].sort())
  }
})

/** Whether the server's address was kept until nobody could know its name any more. */
function wasHeld({ exchanges }: Land): boolean {
  const server = exchanges.find(({ provider, method }) => provider === 'hetzner' && method === 'DELETE')
  const record = exchanges.findLast(({ requestBody }) => requestBody.includes('<Action>DELETE</Action>'))
  return !server || (record !== undefined && server.at - record.at >= TWO_TTL_MS)
}

test(
  `many crashes in one story (CRASH_SEED=${seed})`,
  async () => {
    const chance = chanceFrom(seed)
    for (let number = 1; number <= STORIES_OF_MANY_CRASHES; number++) {
      const deaths = Array.from({ length: LIVES }, () => Math.floor(chance() * LIFE_MOMENTS_MAX))
      const land = await newLand()
      await provision(land, deaths)
      expect({ number, deaths, ...census(land) }).toEqual({ number, deaths, ...EXACTLY_ONE })
    }
  },
  TIMEOUT_MS,
)

describe('a lost reply is asked for again, and nothing is done twice:', () => {
  test.each([
    ['hetzner', 'POST /firewalls'],
    ['hetzner', 'POST /servers'],
    ['machine', 'status'],
    ['machine', 'host-key'],
    ['route53', 'ChangeResourceRecordSets'],
    ['machine', 'settings'],
    ['machine', 'start'],
    ['resend', 'POST /emails'],
  ])('%s %s', async (provider, verb) => {
    const land = await newLand()
    land.fault(provider, verb, 'lose_reply')
    await provision(land, [])
    expect(census(land)).toEqual(EXACTLY_ONE)
    expect(land.clouds.front.faults.list()).toEqual([])
  })

  test('the host key was activated, its reply lost, and the server then refuses a connection', async () => {
    const land = await newLand()
    const stop = land.clouds.machines.observe(({ kind, detail }) => {
      if (kind !== 'command' || !detail.includes('activate')) return
      stop()
      land.fault('machine', 'host-key', 'lose_reply')
      land.fault('machine', 'connect', 'refuse')
    })
    await provision(land, [])
    expect(census(land)).toEqual(EXACTLY_ONE)
  })
})

describe('the same crashes are noticed where Atlas does not find or create', () => {
  /** The same calls without what makes repetition harmless: a new name, command id and key each time. */
  function blind({ cloud, machines, mailer, ...rest }: Services): Services {
    const unlike = (name: string) => `${name}-${Bun.randomUUIDv7().slice(-6)}`
    return {
      ...rest,
      cloud: withMethods(cloud, {
        ensureServer: (spec) => cloud.ensureServer({ ...spec, name: unlike(spec.name) }),
      }),
      machines: withMethods(machines, {
        run: (target, command, options) =>
          machines.run(target, { ...command, commandId: unlike(command.commandId) }, options),
      }),
      mailer: { send: (mail, key) => mailer.send(mail, unlike(key)) },
    }
  }

  test('without a crash nothing shows', async () => {
    const land = await newLand()
    await land.live([], blind)
    expect(census(land)).toEqual(EXACTLY_ONE)
  })

  test.each([
    ['ensureServer', { servers: 2 }],
    ['start', { commands: ['host-key', 'host-key', 'settings', 'start', 'start'] }],
    ['send welcome', { welcomes: 2 }],
  ])('after %s', async (verb, difference) => {
    const land = await newLand()
    await land.live([`after ${verb}`], blind)
    expect(census(land)).toMatchObject(difference)
  })
})
