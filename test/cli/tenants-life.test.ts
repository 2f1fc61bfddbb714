import { afterAll, beforeAll, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { createApiToken } from '../../src/accounts/api-token'
import { seedFleet } from '../../src/cli/demo-fleet'
import { expectPage, leaveNote } from '../../src/cli/story/site'
import { tenants } from '../../src/cli/tenants'
import { Visitor } from '../../src/cli/visitor'
import * as tables from '../../src/db/schema'
import { serverOf } from '../../src/tenants/tenant'
import { type SmallDemo, startSmallDemo } from './small-demo'

const CACHES_FORGET_MS = 121_000
const NOTE = 'Remember the blue door'

let small: SmallDemo
let name: string
let token: string
beforeAll(async () => {
  small = await startSmallDemo()
  const { services, clouds } = small
  await seedFleet(services, clouds, 1)
  name = tenant().subdomain
  token = services.db.write((tx) => createApiToken(tx, 'test', { id: 'test' }, services.clock.now())).token
})
afterAll(() => small.stop())

const tenant = () => small.services.db.read.select().from(tables.tenants).get()!
const visitor = new Visitor()
const site = (expected: Parameters<typeof expectPage>[3]) => expectPage(small.scene, visitor, name, expected)

/** A command of `atlas tenants`, followed to its run's end; nobody waits for caches. */
async function atlas(words: string): Promise<{ exitCode: number; out: string[]; err: string[] }> {
  const out: string[] = []
  const err: string[] = []
  const io = {
    out(line: string) {
      out.push(line)
      if (line.includes('Waiting until caches')) small.clouds.world.advance(CACHES_FORGET_MS)
    },
    err: (line: string) => void err.push(line),
  }
  const env = { ATLAS_URL: small.scene.atlas, ATLAS_TOKEN: token }
  const exitCode = await tenants(words.split(' '), io, env, new AbortController().signal)
  return { exitCode, out, err }
}

async function done(words: string): Promise<string[]> {
  const { exitCode, out, err } = await atlas(`${words} --wait`)
  expect({ words, exitCode, err: exitCode === 0 ? [] : err }).toEqual({ words, exitCode: 0, err: [] })
  return out
}

test('the whole life of a tenant by commands, each through the API and to its end', async () => {
  await leaveNote(small.scene, visitor, name, NOTE)
  expect(await done(`suspend ${name}`)).toEqual(['done    Stop the app'])
  await site({ status: 503, has: 'This site is paused' })
  await done(`resume ${name}`)
  await site({ has: NOTE })

  const { exitCode: refused } = await atlas(`deploy ${name} v43 --backup --no-backup`)
  const ahead = await atlas(`deploy ${name} v43 --migration contract --no-backup --dry-run`)
  expect({ ...ahead, release: tenant().release }).toMatchObject({ exitCode: 1, release: 'v42' })
  expect(ahead.out).toEqual([expect.stringMatching(/:v43@sha256:[0-9a-f]{64}$/)])
  expect(ahead.err[0]).toBe('There is no way back from v43: it starts only with --no-way-back.')
  const known = await atlas(`deploy ${name} v43 --migration contract --no-backup --no-way-back --dry-run`)
  expect(known.exitCode).toBe(0)
  await done(`deploy ${name} v43 --migration expand`)
  const { exitCode: hasIt, err } = await atlas(`deploy ${name} v43 --dry-run`)
  expect([hasIt, err.at(-1)]).toEqual([1, `It can’t be started: ${name} runs v43 already.`])
  expect({ refused, release: tenant().release }).toEqual({ refused: 1, release: 'v43' })
  await site({ has: NOTE })

  const plans = tenant().planId === 'virtues/pro' ? ['starter', 'pro'] : ['pro', 'starter']
  await done(`plan ${name} virtues/${plans[0]}`)
  await site({ has: `<dd>${plans[0]}</dd>` })
  await done(`move ${name} --plan virtues/${plans[1]} --yes ${name}`)
  await site({ has: `<dd>${plans[1]}</dd>` })

  await done(`backup ${name}`)
  small.clouds.machines.emptyApp(serverOf(small.services.db.read, tenant().id).externalId!)
  await site({ lacks: NOTE })
  await done(`restore ${name} latest --yes ${name}`)
  await site({ has: NOTE })
  await done(`rotate-secrets ${name}`)
  await site({ has: NOTE })

  const { exitCode } = await atlas(`delete ${name} --yes ${name}`)
  expect({ exitCode, status: tenant().status }).toEqual({ exitCode: 0, status: 'deleting' })
  await done(`undelete ${name}`)
  expect(tenant().status).toBe('active')
  await done(`delete ${name} --yes ${name} --cool-off-days 0 --no-image`)
  expect(tenant().status).toBe('deleted')
  await site({ status: 502, has: 'No such name' })

  const left = small.clouds.world.table<{ id: string }>('hetzner_server').all()
  expect(left).toEqual([])
  const kept = small.services.db.read
    .select()
    .from(tables.backups)
    .where(eq(tables.backups.method, 'app'))
    .all()
  expect(small.clouds.s3.stored()).toHaveLength(kept.length)
  expect(small.complaints).toEqual([])
}, 60_000)
