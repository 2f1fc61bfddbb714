import { describe, expect, test } from 'bun:test'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { utils } from 'ssh2'
import { readConfig, VARIABLES } from '../../src/config.ts'
import { testWith } from '../needs.ts'
import { install, installer, readEnvironmentFile, temporaryFolder } from './installed-root.ts'

const mode = (path: string) => statSync(path).mode & 0o777
const filesBelow = (root: string) => readdirSync(root, { recursive: true, encoding: 'utf8' }).sort()

describe('install.sh', () => {
  test('is POSIX shell', () => {
    expect(Bun.spawnSync(['sh', '-n', installer]).exitCode).toBe(0)
  })

  testWith('shellcheck', 'has nothing that shellcheck would change', (shellcheck) => {
    expect(Bun.spawnSync([shellcheck, installer]).stdout.toString()).toBe('')
    const careless = Bun.spawnSync([shellcheck, '-s', 'sh', '-'], { stdin: Buffer.from('rm -r $1/etc\n') })
    expect(careless.exitCode).toBe(1)
  })

  test('installs programs, units and settings, the secret ones closed to others', () => {
    using root = temporaryFolder()
    install(root.path)
    const at = (path: string) => join(root.path, path)
    expect(mode(at('usr/local/bin/atlas'))).toBe(0o755)
    expect(mode(at('usr/local/bin/litestream'))).toBe(0o755)
    expect(mode(at('etc/atlas/atlas.env'))).toBe(0o600)
    expect(mode(at('etc/atlas/litestream.env'))).toBe(0o600)
    for (const name of ['atlas.service', 'litestream.service', 'caddy.service.d/atlas.conf'])
      expect(existsSync(at(`etc/systemd/system/${name}`))).toBe(true)
    for (const name of ['Caddyfile', 'litestream.yml', 'address.env'])
      expect(existsSync(at(`etc/atlas/${name}`))).toBe(true)
  })

  test('makes secrets of its own on every machine, and an SSH key that works', () => {
    using first = temporaryFolder()
    using second = temporaryFolder()
    install(first.path)
    install(second.path)
    const [one, other] = [first, second].map((root) =>
      readEnvironmentFile(join(root.path, 'etc/atlas/atlas.env')),
    )
    for (const name of ['AUTH_SECRET', 'ENCRYPTION_KEY']) {
      expect(Buffer.from(one![name]!, 'base64')).toHaveLength(32)
      expect(one![name]).not.toBe(other![name])
    }
    if (!Bun.which('ssh-keygen')) return expect(one!.ATLAS_SSH_PRIVATE_KEY).toBe('')
    const key = utils.parseKey(one!.ATLAS_SSH_PRIVATE_KEY!.replaceAll('\\n', '\n'))
    if (key instanceof Error) throw key
    const published = readFileSync(join(first.path, 'etc/atlas/ssh.pub'), 'utf8')
    expect(published).toContain(key.getPublicSSH().toString('base64'))
  })

  test('keeps every setting when it runs again, and replaces what belongs to Atlas', () => {
    using root = temporaryFolder()
    install(root.path)
    const at = (path: string) => join(root.path, path)
    writeFileSync(at('etc/atlas/address.env'), 'BASE_URL=https://atlas.example.com\nPORT=4200\n')
    writeFileSync(at('etc/systemd/system/atlas.service'), 'an older one')
    const before = readFileSync(at('etc/atlas/atlas.env'), 'utf8')
    install(root.path)
    expect(readFileSync(at('etc/atlas/atlas.env'), 'utf8')).toBe(before)
    expect(readFileSync(at('etc/atlas/address.env'), 'utf8')).toContain('PORT=4200')
    expect(readFileSync(at('etc/systemd/system/atlas.service'), 'utf8')).toContain('ExecStart=')
  })

  test('says what to fill in, until everything is', () => {
    using root = temporaryFolder()
    expect(install(root.path)).toMatch(/Fill in .*atlas\.env: ADMIN_EMAIL TENANT_DOMAIN/)
    for (const name of ['address.env', 'atlas.env', 'litestream.env']) {
      const path = join(root.path, 'etc/atlas', name)
      writeFileSync(path, readFileSync(path, 'utf8').replace(/^([A-Z0-9_]+)=$/gm, '$1=x'))
    }
    const said = install(root.path)
    expect(said).not.toContain('Fill in')
    expect(said).toContain('Everything is filled in.')
  })

  test('does not wait for the built-in blueprint’s settings beside blueprints of one’s own', () => {
    using root = temporaryFolder()
    install(root.path)
    const path = join(root.path, 'etc/atlas/atlas.env')
    const written = readFileSync(path, 'utf8')
    writeFileSync(path, written.replace('#BLUEPRINTS_DIR=', 'BLUEPRINTS_DIR='))
    const said = install(root.path)
    expect(said).toMatch(/Fill in .*atlas\.env: ADMIN_EMAIL .*EMAIL_FROM *$/m)
    expect(said).not.toContain('GHCR_REPO')
  })

  test('a dry run names every step and changes nothing', () => {
    using root = temporaryFolder()
    const said = install(root.path, '--dry-run')
    expect(filesBelow(root.path)).toEqual(['stand-in'])
    expect(said).toMatch(/^\+ install -m 0755 .*usr\/local\/bin\/atlas$/m)
    expect(said).toContain('atlas.env (mode 0600)')
    expect(said).toContain('Nothing was changed.')
  })

  test('never says a secret', () => {
    using root = temporaryFolder()
    const said = install(root.path)
    const settings = readEnvironmentFile(join(root.path, 'etc/atlas/atlas.env'))
    for (const name of ['AUTH_SECRET', 'ENCRYPTION_KEY']) expect(said).not.toContain(settings[name]!)
  })

  test('refuses an option that it does not know', () => {
    expect(Bun.spawnSync(['sh', installer, '--fast']).exitCode).toBe(2)
    expect(Bun.spawnSync(['sh', installer, '--binary']).exitCode).toBe(1)
  })
})

describe('the settings that install.sh writes', () => {
  const files = ['address.env', 'atlas.env'].map((name) => join(import.meta.dir, '../../deploy', name))
  const written = files.flatMap((path) => Object.keys(readEnvironmentFile(path)))

  test('name every variable that Atlas cannot do without', () => {
    const required = Object.entries(VARIABLES).flatMap(([name, variable]) =>
      'default' in variable || 'optional' in variable ? [] : [name],
    )
    expect(required.filter((name) => !written.includes(name))).toEqual([])
  })

  test('name nothing but what Atlas or a blueprint reads', () => {
    const blueprint = readFileSync(join(import.meta.dir, '../../cloud-init/virtues/blueprint.yaml'), 'utf8')
    const known = (name: string) => name in VARIABLES || new RegExp(`\\b${name}\\b`).test(blueprint)
    expect(written.filter((name) => !known(name))).toEqual([])
  })

  test('are a valid configuration once filled in', () => {
    using root = temporaryFolder()
    install(root.path)
    const written = ['address.env', 'atlas.env'].map((name) =>
      readEnvironmentFile(join(root.path, 'etc/atlas', name)),
    )
    const byHand = {
      BASE_URL: 'https://atlas.example.com',
      ADMIN_EMAIL: 'operator@example.com',
      TENANT_DOMAIN: 'sites.example.net',
      HOSTED_ZONE_ID: 'Z0123456789ABC',
      EMAIL_FROM: 'Atlas <hello@example.com>',
    }
    const settings = { ...written[0], ...written[1], ...byHand }
    const filledIn = Object.entries(settings).map(([name, value]) => [name, value || 'filled-in'])
    expect(readConfig(Object.fromEntries(filledIn)).PORT).toBe(4100)
  })
})
