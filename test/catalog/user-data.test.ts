import { describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { parse } from 'yaml'
import { agentScript, builtinBlueprints } from '../../src/catalog/builtin'
import { renderUserData, USER_DATA_BYTES_MAX, type UserDataInput } from '../../src/catalog/user-data'
import { asAtlasError } from '../../src/errors'
import { checkCloudInit } from '../contract/cloud-init'
import { testWith } from '../needs'

const virtues = builtinBlueprints[0]!
const PUBLIC_KEY = `ssh-ed25519 ${'A'.repeat(68)}`
const PEM = (kind: string) => `-----${kind} OPENSSH PRIVATE KEY-----`
const PRIVATE_KEY = [PEM('BEGIN'), ...Array<string>(5).fill('b3Bl'.repeat(17)), PEM('END'), ''].join('\n')

const input: UserDataInput = {
  hostKey: { privateKey: PRIVATE_KEY, publicKey: PUBLIC_KEY },
  atlasPublicKey: PUBLIC_KEY,
  agent: agentScript,
  hostname: 'alice.example.com',
}

type CloudConfig = {
  users: { name: string; ssh_authorized_keys: string[] }[]
  ssh_keys: Record<string, string>
  write_files: { path: string; content: string; permissions: string; encoding?: string; defer?: boolean }[]
  runcmd: string[]
}
const render = (change: Partial<UserDataInput> = {}) => renderUserData(virtues, { ...input, ...change })
const config = parse(render()) as CloudConfig
const file = (path: string) => config.write_files.find((written) => written.path === path)

const unpacked = (content: string) => gunzipSync(Buffer.from(content, 'base64')).toString()

describe('user-data', () => {
  test('is valid by cloud-init’s own schemas, and a broken one is not', () => {
    expect(checkCloudInit(render())).toEqual([])
    expect(checkCloudInit(render().replace('ed25519_private', 'ed25519_secret'))).not.toEqual([])
    expect(checkCloudInit(render().replace('#cloud-config', '# cloud-config'))).not.toEqual([])
  })

  test('is under 32 KiB', () => {
    expect(Buffer.byteLength(render())).toBeLessThan(USER_DATA_BYTES_MAX)
  })

  test('carries the agent and the temporary host key to the byte', () => {
    const written = file('/usr/local/lib/atlas/agent')
    expect(written).toMatchObject({ encoding: 'gz+b64', permissions: '0755' })
    expect(unpacked(written!.content)).toBe(agentScript)
    expect(config.ssh_keys).toEqual({ ed25519_private: PRIVATE_KEY, ed25519_public: PUBLIC_KEY })
  })

  test('binds Atlas’s key to the agent and to nothing else', () => {
    expect(config.users).toHaveLength(1)
    expect(config.users[0]?.ssh_authorized_keys).toEqual([
      `command="sudo -n /usr/local/lib/atlas/agent \\"$SSH_ORIGINAL_COMMAND\\"",restrict ${PUBLIC_KEY}`,
    ])
    expect(file('/etc/sudoers.d/atlas')?.content).toBe(
      'atlas ALL=(root:root) NOPASSWD: /usr/local/lib/atlas/agent\n',
    )
  })

  test('closes the metadata address to containers before Docker can start', () => {
    expect(file('/etc/atlas/firewall.nft')?.content).toMatch(/hook forward[^}]*169\.254\.0\.0\/16 drop/)
    expect(file('/etc/systemd/system/docker.service.d/atlas.conf')?.content).toContain(
      'Requires=atlas-firewall.service',
    )
  })

  test('writes the marker last, in a script that stops at the first failure', () => {
    expect(config.runcmd[0]).toBe('set -eu')
    expect(config.runcmd.at(-1)).toBe('touch /var/lib/atlas/ready')
  })

  testWith('caddy', 'has a Caddyfile that Caddy accepts, and a broken one is refused', (caddy) => {
    const adapt = (text: string) =>
      Bun.spawnSync([caddy, 'adapt', '--adapter', 'caddyfile', '--config', '/dev/stdin'], {
        stdin: Buffer.from(text),
      })
    const text = file('/etc/caddy/Caddyfile')!.content
    expect(adapt(text).exitCode).toBe(0)
    expect(adapt(text.replace('reverse_proxy', 'reverse_poxy')).exitCode).not.toBe(0)
  })

  test('puts the tenant’s name in front of the app', () => {
    const { defer, content } = file('/etc/caddy/Caddyfile')!
    expect(defer).toBe(true)
    expect(content).toMatch(/^alice\.example\.com \{\n[\s\S]*\n {2}reverse_proxy 127\.0\.0\.1:8080\n/)
    expect(content.match(/^\S.*\{$/gm)).toEqual(['alice.example.com {'])
  })

  testWith(
    'caddy',
    'shows visitors the app, or the page that the agent left while it is stopped',
    async (caddy) => {
      await using front = await startFront(caddy, file('/etc/caddy/Caddyfile')!.content)
      const visit = async (path: string, init?: RequestInit) => {
        const answer = await fetch(`${front.url}${path}`, init)
        return [answer.status, await answer.text(), answer.headers.get('retry-after')]
      }
      expect(await visit('/deep/path')).toEqual([200, 'the app', null])
      writeFileSync(join(front.folder, 'index.html'), '<p>We are away')
      for (const path of ['/', '/health', '/deep/path?q=1']) {
        expect(await visit(path)).toEqual([503, '<p>We are away', '300'])
      }
      expect(await visit('/', { method: 'POST', body: 'x' })).toEqual([503, '<p>We are away', '300'])
      rmSync(join(front.folder, 'index.html'))
      expect(await visit('/')).toEqual([200, 'the app', null])
    },
  )

  test.each([
    ['hostname', { hostname: 'alice.example.com {\n respond 200\n}\n#' }],
    ['hostname', { hostname: 'alice.example.com:8080' }],
    ['atlasPublicKey', { atlasPublicKey: `${PUBLIC_KEY}\nssh-ed25519 AAAA` }],
    ['atlasPublicKey', { atlasPublicKey: `command="sh" ${PUBLIC_KEY}` }],
    ['hostKey', { hostKey: { privateKey: `${PRIVATE_KEY}runcmd: [reboot]`, publicKey: PUBLIC_KEY } }],
    ['hostKey', { hostKey: { privateKey: PRIVATE_KEY, publicKey: 'ssh-rsa AAAA' } }],
    ['agent', { agent: 'echo' }],
  ] as [string, Partial<UserDataInput>][])('refuses a malformed %s', (field, change) => {
    try {
      render(change)
    } catch (thrown) {
      expect(asAtlasError(thrown).code).toBe('invalid')
      expect(Object.keys(asAtlasError(thrown).fields ?? {})).toEqual([field])
      return
    }
    throw new Error('it was accepted')
  })

  test('keeps any value inside its place in the YAML', () => {
    const agent = `#!/bin/sh\n\t- "x": '{{hostname}}'\n# é\u2028\n  indented: |\n\nruncmd: [reboot]\n`
    const written = parse(render({ agent })) as CloudConfig
    expect(unpacked(written.write_files[0]!.content)).toBe(agent)
    expect(Object.keys(written)).toEqual(Object.keys(config))
  })
})

/** Caddy with a Caddyfile of a tenant's server, in front of an app; only addresses and the folder are others. */
async function startFront(caddy: string, caddyfile: string) {
  const folder = mkdtempSync(join(tmpdir(), 'atlas-front-'))
  const app = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response('the app') })
  const url = `http://127.0.0.1:${freePort()}`
  const text = caddyfile
    .replace(/^\S+ \{/, `${url} {`)
    .replace('127.0.0.1:8080', `127.0.0.1:${app.port}`)
    .replaceAll('/srv/atlas', folder)
  const program = Bun.spawn([caddy, 'run', '--adapter', 'caddyfile', '--config', '/dev/stdin'], {
    stdin: Buffer.from(`{\n  admin off\n  auto_https off\n}\n${text}`),
    stdout: 'ignore',
    stderr: 'ignore',
    env: { ...process.env, HOME: folder },
  })
  for (let tries = 0; tries < 200 && !(await fetch(url).catch(() => null)); tries++) await Bun.sleep(20)
  return {
    url,
    folder,
    async [Symbol.asyncDispose]() {
      program.kill()
      await program.exited
      await app.stop(true)
      rmSync(folder, { recursive: true })
    },
  }
}

function freePort(): number {
  const listener = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } })
  listener.stop(true)
  return listener.port
}
