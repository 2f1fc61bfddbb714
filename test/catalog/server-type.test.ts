import { describe, expect, test } from 'bun:test'
import { pickPlacement, pickServerType } from '../../src/catalog/server-type'
import { asAtlasError } from '../../src/errors'
import type { ServerType } from '../../src/providers/cloud'

const type = (name: string, change: Partial<ServerType> = {}): ServerType => ({
  name,
  cores: 4,
  memoryGb: 8,
  diskGb: 80,
  cpuType: 'shared',
  architecture: 'x86',
  locations: ['nbg1', 'fsn1'],
  monthlyCents: { nbg1: 700, fsn1: 700 },
  ...change,
})
const wanted = { vcpu: 3, cpu: 'shared' as const, memoryGb: 4, diskGb: 80, prefer: ['cpx21'] }
const pick = (types: ServerType[], location = 'nbg1') => pickServerType(wanted, location, types).name

describe('the server type', () => {
  test('is the preferred one where it can be ordered', () => {
    expect(
      pick([type('cx33', { monthlyCents: { nbg1: 1 } }), type('cpx21', { cores: 3, memoryGb: 4 })]),
    ).toBe('cpx21')
  })

  test('is the cheapest that is large enough where the preferred one is gone, elsewhere or too small', () => {
    const others = [type('cpx32', { monthlyCents: { nbg1: 1300 } }), type('cx33')]
    expect(pick(others)).toBe('cx33')
    expect(pick([type('cpx21', { locations: ['ash'] }), ...others])).toBe('cx33')
    expect(pick([type('cpx21', { cores: 2 }), ...others])).toBe('cx33')
  })

  test.each([
    ['cores', { cores: 2 }],
    ['memory', { memoryGb: 2 }],
    ['disk', { diskGb: 40 }],
    ['kind of cpu', { cpuType: 'dedicated' }],
    ['architecture', { architecture: 'arm' }],
    ['location', { locations: ['hel1'] }],
  ] as [string, Partial<ServerType>][])('is never one with the wrong %s', (_, change) => {
    expect(pick([type('free', { ...change, monthlyCents: { nbg1: 0 } }), type('right')])).toBe('right')
  })

  test('is not one whose price is unknown while another has one', () => {
    expect(pick([type('unpriced', { monthlyCents: {} }), type('priced')])).toBe('priced')
  })

  test('is a conflict, in words, when there is none', () => {
    try {
      pick([type('small', { cores: 1 })])
    } catch (thrown) {
      expect(asAtlasError(thrown).code).toBe('conflict')
      expect(asAtlasError(thrown).message).toBe(
        'No server type in nbg1 has 3 shared x86 cores, 4 GB of memory and 80 GB of disk now.',
      )
      return
    }
    throw new Error('one was picked')
  })
})

describe('the placement', () => {
  const server = { image: 'debian-13', location: 'nbg1', locations: ['nbg1', 'fsn1'] }
  const place = (types: ServerType[]) => pickPlacement({ server }, { server: wanted }, types)

  test('is the default location while it has a server, else the next of the list', () => {
    expect(place([type('a')]).location).toBe('nbg1')
    expect(place([type('a', { locations: ['fsn1'] })])).toMatchObject({ location: 'fsn1' })
    expect(() => place([type('a', { locations: ['ash'] })])).toThrow('No server type in nbg1, fsn1')
  })
})
