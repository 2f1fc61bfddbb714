import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deploy } from '../../src/cli/deploy'
import { rollout } from '../../src/cli/rollout'
import { followRollout } from '../../src/cli/rollout-follower'
import { ManualClock } from '../../src/clock'
import { healthChecks, releases } from '../../src/db/schema'
import { conflict, unavailable } from '../../src/errors'
import { Fleet, MINUTE } from '../rollouts/fleet'

let folder: string
let fleet: Fleet
let port: number
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'atlas-rollout-'))
  fleet = await Fleet.open(6, { file: join(folder, 'atlas.db') })
  port = fleet.stage.app.listen(0)
})
afterEach(async () => {
  await fleet.close()
  rmSync(folder, { recursive: true })
})

/** Types a command; time goes by for the fleet while it works. */
async function atlas(words: string, columns: number | null = null) {
  const out: string[] = []
  const err: string[] = []
  const io = { out: (line: string) => void out.push(line), err: (line: string) => void err.push(line) }
  const [name, ...args] = words.split(' ')
  const command = name === 'deploy' ? deploy : rollout
  const env = { DATA_DIR: folder, PORT: String(port) }
  const screen = { columns, clock: fleet.clock }
  let isOver = false
  const work = command(args, io, env, new AbortController().signal, screen).finally(() => {
    isOver = true
  })
  while (!isOver) {
    if (words.includes('--wait')) await fleet.pass(0.25)
    await Bun.sleep(2)
  }
  return { exitCode: await work, out: out.join('\n'), err: err.join('\n') }
}

const GOOD = 'deploy v43 --migration none --bake 1'

describe('atlas deploy', () => {
  test('begins a rollout, and says how to follow it', async () => {
    const { exitCode, out } = await atlas(
      `${GOOD} --waves 1/50%/100% --canary t04 --concurrency 3 --stop-failures 5`,
    )
    expect([exitCode, out]).toEqual([
      0,
      `${fleet.rollout.id} has begun. Follow it with \`atlas rollout status\`.`,
    ])
    expect(fleet.targets()).toMatchObject([{ name: 't04', wave: 0 }, { wave: 1 }, {}, {}, {}, { wave: 2 }])
    expect(JSON.parse(fleet.rollout.strategy)).toMatchObject({
      concurrency: 3,
      bakeMinutes: 1,
      stop: { failures: 5, percent: 2 },
    })
  })

  test('--dry-run says who would get it and when, and does nothing', async () => {
    fleet.change('t05', { status: 'suspended' })
    const { exitCode, out, err } = await atlas(`${GOOD} --dry-run --canary t03`)
    expect(exitCode).toBe(0)
    expect(out).toMatch(/^WAVE +TENANTS +BEGINS +WHO\n1 +1 +at once +t03\n2 +1 +after about 2 min 00 s +t/)
    expect(err).toContain('set aside: t05. It is suspended.')
    expect(err).toMatch(/ghcr\.io\/example\/virtues:v43@sha256:[0-9a-f]{64}/)
    expect(() => fleet.rollout).toThrow('there is no rollout')
    expect(fleet.db.read.select().from(releases).all()).toEqual([])
    const told = JSON.parse((await atlas(`${GOOD} --dry-run --json`)).out)
    expect(told).toMatchObject({ can_go_back: true, obstacles: [], stop_at: 2 })
  })

  test('--wait tells how it goes, a line at each stretch, and is 0 when it succeeded', async () => {
    const { exitCode, out, err } = await atlas(`${GOOD} --wait --waves 1/100%`)
    expect(exitCode).toBe(0)
    const lines = out.split('\n')
    expect(lines[0]).toBe('running, wave 1 of 2, 0 of 6 tenants')
    expect(lines).toContain('running, wave 1 of 2, watched, 1 of 6 tenants')
    expect(lines.at(-1)).toBe('succeeded, wave 2 of 2, 6 of 6 tenants')
    expect(new Set(lines).size).toBe(lines.length)
    expect(err).toMatch(
      /^6 tenants got v43 in \d+ min \d\d s\.\nhttps:\/\/shop\.example\.com\/admin\/rollouts\/rol_/,
    )
  })

  test('--wait is 1 when it stops and goes back, with what failed and where to see more', async () => {
    fleet.behaves = () => 'migrate'
    const { exitCode, err } = await atlas(`${GOOD} --wait`)
    expect([exitCode, fleet.rollout.status]).toEqual([1, 'rolled_back'])
    expect(err).toMatch(/^Taken back after .*: nobody runs v43 because of it any more\.$/m)
    expect(err).toMatch(/^It stopped by itself: 1 tenant failed by wave 1 of 3\.$/m)
    expect(err).toMatch(/^ {2}migrate: The server says: It failed at migrate\. \(t0\d\)$/m)
  })

  test('--wait ends when a person is needed', async () => {
    fleet.behaves = () => 'stuck'
    const { exitCode, err } = await atlas(`${GOOD} --wait`)
    expect([exitCode, fleet.rollout.status]).toEqual([1, 'frozen'])
    expect(err).toContain('Frozen: a tenant is stuck')
  })

  test('--wait ends when it holds itself, with 1 and the reason, and not when a person holds it', async () => {
    await fleet.rollOut('v43', { bake_minutes: 1, waves: '1 / 100 %' })
    await fleet.passUntil(() => fleet.rollout.waveDoneAt !== null)
    // From here on nobody looks at anybody's health.
    fleet.db.write((tx) =>
      tx
        .update(healthChecks)
        .set({ dueAt: fleet.clock.now() + 1_000 * MINUTE, checkedAt: 0 })
        .run(),
    )
    await atlas('rollout hold')
    const { exitCode: held } = await atlas('rollout status')
    const pending = atlas('rollout status --wait')
    await Bun.sleep(50)
    await atlas('rollout resume')
    const { exitCode, out, err } = await pending
    expect([held, exitCode, fleet.rollout.status]).toEqual([0, 1, 'held'])
    expect(out).toStartWith('held, ')
    expect(err).toContain('1 tenant has not been seen well since they got the release.')
    expect((await atlas('rollout status')).exitCode).toBe(1)
  })

  test('--wait --json prints one document for programs, and the way there beside it', async () => {
    const { exitCode, out, err } = await atlas(`${GOOD} --wait --json`)
    expect(exitCode).toBe(0)
    expect(JSON.parse(out)).toMatchObject({ status: 'succeeded', release: 'v43', counts: { succeeded: 6 } })
    expect(err).toContain('running, wave 1 of 3, 0 of 6 tenants')
  })

  test('draws bars on a terminal, each time over the last ones, and none longer than a line', async () => {
    const { out } = await atlas(`${GOOD} --wait --waves 1/100%`, 50)
    const [first = '', second = ''] = out.split('\x1b[4A\x1b[J')
    expect(first.trim().split('\n')).toEqual([
      'v43 to virtues: running',
      'wave 1  ░░░░░░░░░░░░░░░░░░░░░░░░ 0/1',
      'wave 2  ░░░░░░░░░░░░░░░░░░░░░░░░ 0/5',
      expect.stringMatching(/^all {5}░{24} 0\/6 about \d min/),
    ])
    expect(second.trim().split('\n')).toHaveLength(4)
    const last = out.split('\x1b[4A\x1b[J').at(-1)
    expect(last).toContain(`wave 2  ${'█'.repeat(24)} 5/5`)
    for (const line of out.split('\n'))
      expect([...line.replace('\x1b[4A\x1b[J', '')].length).toBeLessThanOrEqual(50)
  })

  test('is 1 and says why when it is refused', async () => {
    await fleet.rollOut('v44')
    const held = await atlas(GOOD)
    expect([held.exitCode, held.out]).toEqual([1, ''])
    expect(held.err).toContain('The rollout of v44 holds the fleet')
    // A job's log has nothing but these words.
    const { id } = fleet.rollout
    expect(held.err).toContain(`end it with “atlas rollout abort ${id}”; then ask for this once more`)
    expect(held.err).toContain(`${fleet.services.settings.baseUrl}/admin/rollouts/${id}`)
    const unsaid = await atlas('deploy v45')
    expect([unsaid.exitCode, unsaid.err]).toEqual([
      1,
      expect.stringContaining('migration: Must say what it does'),
    ])
  })

  test('starts a release without a way back only when that is said', async () => {
    const contract = 'deploy v43 --migration contract --no-backup'
    const { exitCode, err } = await atlas(contract)
    expect([exitCode, err]).toEqual([1, expect.stringContaining('There is no way back from v43')])
    const ahead = await atlas(`${contract} --dry-run`)
    expect([ahead.exitCode, ahead.err]).toEqual([1, expect.stringContaining('only with --no-way-back')])
    const said = await atlas(`${contract} --no-way-back --dry-run`)
    expect([said.exitCode, said.err]).toEqual([0, expect.not.stringContaining('It can’t be started')])
    expect((await atlas(`${contract} --no-way-back`)).exitCode).toBe(0)
  })

  test.each([
    ['deploy', 'Usage: atlas deploy TAG'],
    ['deploy v43 v44', 'Usage: atlas deploy TAG'],
    ['deploy v43 --force', 'Usage: atlas deploy TAG'],
    ['deploy v43 --bake', 'Usage: atlas deploy TAG'],
    ['deploy v43 --backup --no-backup', 'can’t both be meant'],
    ['deploy v43 --waves 5%', 'The last wave must be 100 %'],
    ['deploy v43 --concurrency 0', 'Must be a whole number from 1 to 50'],
    ['rollout', 'Usage: atlas rollout VERB'],
    ['rollout fly', 'Usage: atlas rollout VERB'],
    ['rollout constructor', 'Usage: atlas rollout VERB'],
    ['rollout hold a b', 'Usage: atlas rollout VERB'],
    ['rollout skip', 'Usage: atlas rollout VERB'],
    ['rollout status --force', 'Usage: atlas rollout VERB'],
  ])('“%s” is called wrongly: 2', async (words, why) => {
    const { exitCode, out, err } = await atlas(words)
    expect([exitCode, out]).toEqual([2, ''])
    expect(err).toContain(why)
  })
})

describe('atlas rollout', () => {
  test('status shows the latest one, or another by its id', async () => {
    expect(await atlas('rollout status')).toMatchObject({
      exitCode: 1,
      err: 'There are no rollouts yet. Begin one with `atlas deploy TAG`.',
    })
    const first = await fleet.rollOut('v43', { bake_minutes: 0 })
    await fleet.live()
    await fleet.rollOut('v44')
    expect((await atlas('rollout status')).out).toStartWith('v44 to virtues: running\nwave 1 ')
    expect((await atlas(`rollout status ${first}`)).out).toStartWith('v43 to virtues: succeeded')
    expect(JSON.parse((await atlas('rollout status --json')).out)).toMatchObject({ release: 'v44', total: 6 })
    expect((await atlas('rollout status rol_none')).exitCode).toBe(1)
    const listed = await atlas('rollout list')
    expect(listed.out).toMatch(/^ID +RELEASE.*\nrol_\w+ +v44 .*\nrol_\w+ +v43 +virtues +succeeded +6\/6 +0/)
    expect(listed.err).toBe('2 rollouts')
  })

  test('holds, resumes, skips and aborts', async () => {
    await fleet.rollOut('v43')
    expect((await atlas('rollout hold')).out).toStartWith('v43 to virtues: held')
    expect(await atlas('rollout hold')).toMatchObject({
      exitCode: 1,
      out: '',
      err: 'This rollout is held, so it can’t be held.',
    })
    const last = fleet.targets().at(-1)
    expect((await atlas(`rollout skip ${last?.name}`)).exitCode).toBe(0)
    expect(fleet.states().skipped).toBe(1)
    await atlas('rollout resume')
    expect(fleet.rollout.status).toBe('running')
    const { exitCode, err } = await atlas(`rollout abort ${fleet.rollout.id}`)
    expect([exitCode, fleet.rollout.status]).toEqual([0, 'aborted'])
    expect(err).toContain('Aborted after')
    expect((await atlas('rollout status')).exitCode).toBe(1)
  })

  test('takes everybody back when its tag is said, and with --wait until they are', async () => {
    await fleet.rollOut('v43', { bake_minutes: 0 })
    await fleet.live()
    expect((await atlas('rollout rollback --yes v42')).exitCode).toBe(1)
    expect(fleet.rollout.status).toBe('succeeded')
    const { exitCode, err } = await atlas('rollout rollback --yes v43 --wait')
    expect([exitCode, fleet.running()]).toEqual([0, ['v42']])
    expect(err).toContain('6 tenants get the release back that they had before.')
  })
})

describe('who follows a rollout', () => {
  const told = { status: 'succeeded', waves: [], counts: {}, total: 0, wave: 1, failed: 0 }
  const follow = async (answers: (() => object)[]) => {
    const asked: string[] = []
    const remote = {
      ask: async <T>(_: string, path: string) => {
        asked.push(path)
        return (answers[asked.length - 1] ?? answers.at(-1))?.() as T
      },
      close: () => {},
    }
    const clock = new ManualClock()
    let isOver = false
    const work = followRollout(remote, { out: () => {}, err: () => {} }, 'rol_1', {
      columns: null,
      clock,
    }).finally(() => {
      isOver = true
    })
    work.catch(() => {})
    while (!isOver) {
      clock.advance(1_000)
      await Bun.sleep(0)
    }
    return { work, asked: asked.length }
  }
  const gone = () => {
    throw unavailable('No Atlas answers.')
  }

  test('waits while Atlas starts anew', async () => {
    const { work, asked } = await follow([gone, gone, gone, () => told])
    expect([(await work).status, asked]).toEqual(['succeeded', 4])
  })

  test('gives up after two minutes, and at once when it is refused', async () => {
    const { work, asked } = await follow([gone])
    expect(work).rejects.toThrow('No Atlas answers.')
    expect(asked).toBeGreaterThan(100)
    const refused = await follow([
      () => {
        throw conflict('No.')
      },
    ])
    expect(refused.work).rejects.toThrow('No.')
    expect(refused.asked).toBe(1)
  })
})
