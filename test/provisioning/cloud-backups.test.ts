import { afterEach, beforeEach, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { effects, steps } from '../../src/db/schema'
import { undo } from '../../src/lifecycle/mend'
import { changePlan } from '../../src/lifecycle/plan-change'
import { choosePlan } from '../../src/lifecycle/plan-choice'
import { serverOf } from '../../src/tenants/tenant'
import { mendLatest } from '../backups/notes'
import { Estate } from '../estate'

let estate: Estate
beforeEach(async () => {
  estate = await Estate.open()
})
afterEach(() => estate.close())

const isOn = async () => {
  const { externalId } = serverOf(estate.db.read, estate.tenant.id)
  return (await estate.services.cloud.getServer(externalId ?? ''))?.backups
}
const askedFor = () => estate.db.read.select().from(effects).where(eq(effects.verb, 'setBackups')).all()

async function changeTo(planId: string): Promise<void> {
  const change = await choosePlan(estate.services, estate.tenant.id, planId)
  estate.do((tx, services, id, asked) => changePlan(tx, services, id, { ...asked, change }))
  await estate.live()
}

test('a plan without the cloud’s own backups asks for nothing', async () => {
  const step = estate.db.read.select().from(steps).where(eq(steps.name, 'enable-cloud-backups')).get()
  expect(step?.status).toBe('succeeded')
  expect(await isOn()).toBe(false)
  expect(askedFor()).toEqual([])
})

test('a plan with them turns them on, once, whatever becomes of the reply', async () => {
  estate.fault('hetzner', 'POST /servers/{id}/actions/enable_backup', 'lose_reply')
  await changeTo('virtues/pro')
  expect(estate.run.status).toBe('succeeded')
  expect(await isOn()).toBe(true)
  expect(askedFor().map(({ outcome }) => outcome)).toEqual(['unknown'])
})

test('and a change of plan that is taken back turns them off again', async () => {
  // What comes after the last step's call never happens, so that there is something to take back.
  estate.fault('hetzner', 'POST /servers/{id}/actions/enable_backup', 'refuse', { code: 'protected' })
  await changeTo('virtues/pro')
  expect(estate.run).toMatchObject({ status: 'failed', step: 'enable-cloud-backups' })
  const { externalId } = serverOf(estate.db.read, estate.tenant.id)
  await estate.services.cloud.setBackups(externalId ?? '', true)
  await Bun.sleep(5)
  await mendLatest(estate, undo)
  expect(estate.tenant.planId).toBe('virtues/starter')
  expect(await isOn()).toBe(false)
})
