import { afterAll, beforeAll, expect, test } from 'bun:test'
import { describeUnless } from '../needs'
import { findGround } from './ground'
import { Operator } from './operator'

const ground = await findGround()

describeUnless('reason' in ground ? ground : null, 'real machines', () => {
  if ('reason' in ground) return
  let operator: Operator
  let ada = ''

  beforeAll(async () => {
    operator = await Operator.begin(ground.docker)
  }, 500_000)
  afterAll(async () => {
    await operator?.leave()
    await ground.leave()
  }, 60_000)

  test('a customer who paid has a site with a certificate of its own', async () => {
    ada = await operator.sell('ada')
    await operator.settled(ada)
    expect(await operator.visit(ada, '/health')).toEqual({ status: 200, text: 'v1' })
  }, 180_000)
})
