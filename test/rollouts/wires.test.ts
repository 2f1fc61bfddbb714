import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { backups, runLogs } from '../../src/db/schema'
import { catchUp } from '../../src/rollouts/catch-up'
import { Wires } from './wires'

let wires: Wires
beforeEach(async () => {
  wires = await Wires.open(['bob', 'cleo'])
})
afterEach(() => wires.close())

const CALM = { canaries: 'ada', waves: '1 / 100 %' }
const EVERYBODY = (release: string) => ({ ada: release, bob: release, cleo: release })

describe('over real wires', () => {
  test('a good release reaches every machine by its digest', async () => {
    wires.publish('v43')
    await wires.rollOut('v43', CALM)
    expect((await wires.live()).status).toBe('succeeded')
    expect(wires.running()).toEqual(EVERYBODY('v43'))
  })

  test('a release that crashes at its start breaks one, which goes back by itself', async () => {
    wires.publish('v43', { behaviour: 'broken' })
    await wires.rollOut('v43', CALM)
    expect((await wires.live()).status).toBe('rolled_back')
    expect(wires.targets().toSorted()).toEqual(['ada failed health', 'bob waiting', 'cleo waiting'])
    expect(wires.running()).toEqual(EVERYBODY('v42'))
    expect(wires.mails()).toEqual(['rollout-rolled-back'])
  })

  test('each part that fails is named, and the fleet stays as it was', async () => {
    wires.publish('v43', { behaviour: 'migration_fails' })
    await wires.rollOut('v43', CALM)
    await wires.live()
    expect(wires.targets()[0]).toBe('ada failed migrate')
    wires.publish('v44', { behaviour: 'smoke_fails' })
    await wires.rollOut('v44', CALM)
    await wires.live()
    expect(wires.targets()[0]).toBe('ada failed smoke')
    wires.changeMachine('ada', { isFull: true })
    wires.publish('v45')
    await wires.rollOut('v45', CALM)
    await wires.live()
    expect(wires.targets()[0]).toBe('ada failed space')
    expect(wires.running()).toEqual(EVERYBODY('v42'))
    const logged = wires.db.read.select().from(runLogs).where(eq(runLogs.step, 'deploy')).all()
    expect(logged.map(({ line }) => line)).toContain(
      'ERROR:  column "mood" of relation "entries" already exists',
    )
  })

  test('a release that is well for a minute only is seen while it is watched, and taken back', async () => {
    wires.publish('v43', { behaviour: 'unhealthy_later' })
    await wires.rollOut('v43', { ...CALM, bake_minutes: 10 })
    expect((await wires.live()).status).toBe('rolled_back')
    expect(wires.targets()[0]).toMatch(/^ada (back later|failed outside)$/)
    expect(wires.running()).toEqual(EVERYBODY('v42'))
  })

  test('a connection that breaks in the middle is taken up again, and nothing runs twice', async () => {
    wires.publish('v43')
    wires.estate.fault('machine', 'deploy', 'drop', { times: 2 })
    await wires.rollOut('v43', CALM)
    expect((await wires.live()).status).toBe('succeeded')
    for (const name of ['ada', 'bob', 'cleo']) expect(wires.deploysOf(name)).toBe(1)
  })

  test('a registry that does not answer is waited for', async () => {
    wires.publish('v43')
    wires.estate.fault('registry', 'pull', 'refuse', { times: 2 })
    await wires.rollOut('v43', CALM)
    expect((await wires.live()).status).toBe('succeeded')
  })

  test('a machine that shows another host key is told nothing and set aside', async () => {
    wires.changeMachine('ada', { hostKey: wires.machineOf('cleo').hostKey })
    wires.publish('v43')
    await wires.rollOut('v43', { ...CALM, canaries: 'bob' })
    expect((await wires.live()).status).toBe('succeeded')
    expect(wires.targets().find((target) => target.startsWith('ada'))).toBe('ada set_aside')
    expect(wires.deploysOf('ada')).toBe(0)
  })

  test('a machine that is off is set aside, and brought up to date when it is back', async () => {
    const { machines } = wires.estate.clouds
    machines.powerOff(wires.machineOf('cleo').id)
    wires.publish('v43')
    await wires.rollOut('v43', CALM)
    expect((await wires.live()).status).toBe('succeeded')
    expect(wires.targets().find((target) => target.startsWith('cleo'))).toBe('cleo set_aside')
    machines.powerOn(wires.machineOf('cleo').id)
    wires.clock.advance(3_600_000)
    await wires.liveUntil(() => {
      catchUp(wires.estate.services)
      return wires.running().cleo === 'v43'
    })
  }, 20_000)

  test('a way back that fails too freezes everything', async () => {
    // It says that it does nothing to the data, and it does.
    wires.publish('v43', { behaviour: 'smoke_fails', migration: 'contract' })
    await wires.rollOut('v43', CALM)
    expect((await wires.live()).status).toBe('frozen')
    expect(wires.targets().toSorted()).toEqual(['ada stuck smoke', 'bob waiting', 'cleo waiting'])
    expect(wires.mails()).toEqual(['rollout-frozen'])
    expect(wires.deploysOf('bob') + wires.deploysOf('cleo')).toBe(0)
  })

  test('a release without a way back that fails stays where it is, and nobody else gets it', async () => {
    wires.publish('v43', { behaviour: 'smoke_fails', migration: 'contract' })
    await wires.rollOut('v43', CALM, { migration: 'contract', acceptsNoWayBack: true })
    expect((await wires.live()).status).toBe('frozen')
    expect(wires.targets().toSorted()).toEqual(['ada stuck smoke', 'bob waiting', 'cleo waiting'])
    expect(wires.running()).toEqual({ ...EVERYBODY('v42'), ada: 'v43' })
    expect(wires.deploysOf('ada')).toBe(1)
    expect(wires.mails()).toEqual(['rollout-frozen'])
  })

  test('a release without a way back copies every tenant first', async () => {
    wires.publish('v43', { migration: 'contract' })
    await wires.rollOut('v43', CALM, { migration: 'contract', acceptsNoWayBack: true })
    expect((await wires.live()).status).toBe('succeeded')
    const made = wires.db.read.select().from(backups).where(eq(backups.reason, 'before_deploy')).all()
    expect(made.map(({ status, release }) => `${status} ${release}`)).toEqual(Array(3).fill('complete v42'))
    expect(wires.running()).toEqual(EVERYBODY('v43'))
  })
})
