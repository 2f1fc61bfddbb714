import { afterAll, expect, test } from 'bun:test'
import { describeUnless } from '../needs'
import { findGround } from './ground'
import { machineImage } from './image'

const ground = await findGround()
const refusal = 'reason' in ground ? ground : null

describeUnless(refusal, 'real machines', () => {
  if ('reason' in ground) return
  afterAll(() => ground.leave(), 60_000)
  test('image', async () => {
    console.log(
      await machineImage(ground.docker, 'debian-13', [
        'age',
        'caddy',
        'curl',
        'docker-cli',
        'docker-compose',
        'docker.io',
        'jq',
        'nftables',
        'sudo',
        'unattended-upgrades',
      ]),
    )
  }, 500_000)
})
