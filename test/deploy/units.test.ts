import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { testWith } from '../needs.ts'
import { install, temporaryFolder } from './installed-root.ts'

const distribution = '/usr/lib/systemd/system'
const root = temporaryFolder()
const installedUnits = join(root.path, 'etc/systemd/system')

// The units are judged as they lie on an installed machine: beside Debian's own, and beside the programs they start.
beforeAll(() => {
  install(root.path)
  if (!existsSync(distribution)) return
  const vendorUnits = join(root.path, distribution)
  mkdirSync(vendorUnits, { recursive: true })
  mkdirSync(join(root.path, 'usr/bin'), { recursive: true })
  copyFileSync(join(root.path, 'stand-in'), join(root.path, 'usr/bin/caddy'))
  chmodSync(join(root.path, 'usr/bin/caddy'), 0o755)
  for (const name of readdirSync(distribution).filter((name) =>
    /\.(target|slice)$|^caddy\.service$/.test(name),
  ))
    copyFileSync(join(distribution, name), join(vendorUnits, name))
})

afterAll(() => root[Symbol.dispose]())

/** What systemd has to say against a unit. */
function complaints(analyze: string, unit: string): string[] {
  const verify = Bun.spawnSync([analyze, 'verify', '--man=no', `--root=${root.path}`, unit])
  const about = verify.stderr
    .toString()
    .split('\n')
    .filter((line) => line.includes(unit.replace('.service', '')))
  return verify.exitCode === 0 ? about : [`exit code ${verify.exitCode}`, ...about]
}

function exposure(analyze: string, unit: string): number {
  const argv = [analyze, 'security', '--offline=true', `--root=${root.path}`, unit]
  const said = Bun.spawnSync(argv).stdout.toString()
  return Number(said.match(/Overall exposure level for \S+: ([\d.]+)/)?.[1] ?? Number.NaN)
}

describe('the unit files', () => {
  for (const unit of ['atlas.service', 'litestream.service'])
    testWith('systemd-analyze', `${unit} is understood by systemd`, (analyze) => {
      expect(complaints(analyze, unit)).toEqual([])
    })

  testWith('caddy', 'caddy.service is understood with what Atlas adds to Debian’s', () => {
    expect(complaints('systemd-analyze', 'caddy.service')).toEqual([])
  })

  testWith('systemd-analyze', 'a unit with a mistake is not', (analyze) => {
    const path = join(installedUnits, 'mistaken.service')
    const mistaken = readFileSync(join(installedUnits, 'atlas.service'), 'utf8')
    writeFileSync(path, mistaken.replace('Restart=always', 'Restart=sometimes'))
    expect(complaints(analyze, 'mistaken.service')).not.toEqual([])
    writeFileSync(path, mistaken.replace('/usr/local/bin/atlas', '/usr/local/bin/nothing'))
    expect(complaints(analyze, 'mistaken.service')).not.toEqual([])
  })

  testWith('systemd-analyze', 'Atlas and Litestream are shut in (2 or less of 10)', (analyze) => {
    expect(exposure(analyze, 'atlas.service')).toBeLessThanOrEqual(2)
    expect(exposure(analyze, 'litestream.service')).toBeLessThanOrEqual(2)
  })

  testWith('systemd-analyze', 'a unit without its walls would be noticed', (analyze) => {
    const open = readFileSync(join(installedUnits, 'atlas.service'), 'utf8')
    writeFileSync(
      join(installedUnits, 'open.service'),
      open.replace(/^(Protect|Restrict|SystemCall|Private).*$/gm, ''),
    )
    expect(exposure(analyze, 'open.service')).toBeGreaterThan(2)
  })

  test('Caddy never prints its environment, and reads nothing secret', () => {
    const dropIn = readFileSync(join(installedUnits, 'caddy.service.d/atlas.conf'), 'utf8')
    expect(dropIn).toMatch(/^ExecStart=$/m)
    expect(dropIn).not.toContain('--environ')
    expect(dropIn.match(/^EnvironmentFile=.*$/gm)).toEqual(['EnvironmentFile=/etc/atlas/address.env'])
  })
})
