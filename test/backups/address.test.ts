import { expect, test } from 'bun:test'
import { addressFor } from '../../src/backups/address'
import { ManualClock } from '../../src/clock'
import { createS3 } from '../../src/providers/s3'
import { openStage } from '../stage'

const HOUR_MS = 3_600_000
const clock = new ManualClock()
const objects = createS3({
  endpoint: 'https://s3.example.com',
  region: 'us-east-1',
  bucket: 'backups',
  accessKeyId: 'AKIAEXAMPLE',
  secretAccessKey: 'a-secret-of-the-storage',
  clock,
})
const { services } = openStage({ services: { objects } })
const startedAt = clock.now()

const at = (ms: number, direction: 'upload' | 'download' = 'upload') =>
  addressFor(services, { startedAt, now: () => startedAt + ms }, direction, 'a/b.age')

/** For how long an address still holds at a moment, in hours. */
function hoursLeft(url: string, ms: number): number {
  const query = new URL(url).searchParams
  const signed = (query.get('X-Amz-Date') ?? '').replace(/(....)(..)(..)T(..)(..)(..)Z/, '$1-$2-$3T$4:$5:$6Z')
  const ends = Date.parse(signed) + Number(query.get('X-Amz-Expires')) * 1_000
  return (ends - startedAt - ms) / HOUR_MS
}

test('every try within half a day is the same command with the same address', async () => {
  const first = await at(0)
  clock.advance(5 * HOUR_MS)
  expect(await at(1)).toEqual(first)
  expect(await at(12 * HOUR_MS - 1)).toEqual(first)
})

test('after that it is another command with a new address', async () => {
  const [first, second] = [await at(0), await at(12 * HOUR_MS)]
  expect(second.url).not.toBe(first.url)
  expect(second.attempt).not.toBe(first.attempt)
  expect(await at(12 * HOUR_MS, 'download')).not.toEqual(second)
})

test.each([0, 1, 11.99, 12, 23, 30, 100])(
  'whoever gets it after %p hours has at least half a day',
  async (hours) => {
    const { url } = await at(hours * HOUR_MS)
    expect(hoursLeft(url, hours * HOUR_MS)).toBeGreaterThanOrEqual(12)
    expect(hoursLeft(url, hours * HOUR_MS)).toBeLessThanOrEqual(24)
  },
)

test('what tells tries apart fits into a command’s id', async () => {
  const { attempt } = await at(0)
  expect(attempt).toMatch(/^[a-z0-9]{1,10}$/)
})

test('without a storage there is none', async () => {
  const { services: bare } = openStage()
  await expect(
    addressFor({ ...bare, objects: null }, { startedAt, now: () => startedAt }, 'upload', 'k'),
  ).rejects.toThrow('No storage for backups is configured.')
})
