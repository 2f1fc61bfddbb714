import { describe, expect, test } from 'bun:test'
import { testWith } from '../needs'
import { withoutDocker } from './forwarding'
import { type Facts, lackOf } from './ground'

const good: Facts = {
  isLinux: true,
  isRoot: true,
  hasApt: true,
  capabilities: 2n ** 41n - 1n,
  hasCgroups: true,
}

describe('whether there can be real machines', () => {
  test('nothing is known against a Debian with root', () => {
    expect(lackOf(good)).toBeNull()
  })

  const lacks: [string, Partial<Facts>][] = [
    ['needs Linux', { isLinux: false }],
    ['needs root', { isRoot: false }],
    ['needs Debian, for its apt-get', { hasApt: false }],
    ['needs CAP_NET_ADMIN, CAP_SYS_ADMIN, CAP_MKNOD', { capabilities: 0n }],
    ['needs CAP_MKNOD', { capabilities: good.capabilities & ~(1n << 27n) }],
    ['needs cgroups at /sys/fs/cgroup', { hasCgroups: false }],
  ]
  for (const [reason, facts] of lacks)
    test(`one that lacks something is told: ${reason}`, () => {
      expect(lackOf({ ...good, ...facts })).toBe(reason)
    })
})

test('of the rules for packets, only Docker’s go', () => {
  const rules = [
    ...['*filter', ':INPUT DROP [5:300]', ':FORWARD DROP [0:0]', ':DOCKER - [0:0]', ':DOCKER-USER - [0:0]'],
    ...[
      '-A INPUT -p tcp --dport 22 -j ACCEPT',
      '-A FORWARD -j DOCKER-USER',
      '-A DOCKER-USER -j RETURN',
      'COMMIT',
    ],
  ]
  const kept = [
    '*filter',
    ':INPUT DROP [5:300]',
    ':FORWARD ACCEPT [0:0]',
    '-A INPUT -p tcp --dport 22 -j ACCEPT',
    'COMMIT',
    '',
  ]
  expect(withoutDocker(rules.join('\n'), 'ACCEPT')).toBe(kept.join('\n'))
})

testWith('shellcheck', 'the scripts of machines and apps pass shellcheck', (shellcheck) => {
  const scripts = [...new Bun.Glob('{image,apps}/**/*').scanSync({ cwd: import.meta.dir, absolute: true })]
  expect(scripts.length).toBeGreaterThan(4)
  expect(Bun.spawnSync([shellcheck, ...scripts]).stdout.toString()).toBe('')
})
