import { beforeEach, describe, expect, test } from 'bun:test'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { agentVersion } from '../../src/catalog/builtin'
import { describeWith, testWith } from '../needs'
import { AGENT, agentServer, COMPOSE } from './agent-server'

const { at, written, put, calls, spawn, agent, result, errorCode, settle, container, program } = agentServer()

testWith('shellcheck', 'the agent passes shellcheck', async (shellcheck) => {
  const run = (input: string) => Bun.spawnSync([shellcheck, '--shell=sh', '-'], { stdin: Buffer.from(input) })
  expect(run(readFileSync(AGENT, 'utf8')).stdout.toString()).toBe('')
  expect(run('#!/bin/sh\ncat $1\n').exitCode).toBe(1)
})

// A tenant's server is a Debian: macOS has neither flock nor setsid.
if (process.platform === 'linux') describeWith('jq', 'the agent', theAgent)

function theAgent() {
  describe('reading its command', () => {
    const BAD = [
      '',
      'status',
      'status ',
      'reboot a',
      'status ../x',
      'status -oProxyCommand=sh',
      'status a b',
      ' status a',
      'status a\nstatus b',
      'status A',
      'status a;id',
      'status $(id)',
      'status `id`',
      'start a&b',
      'start a|b',
      'settings a/b',
      'start é',
      `start ${'a'.repeat(65)}`,
      '--run a',
      'status a\t',
      'sta*s a',
      '-n x',
    ]
    test.each(BAD)('refuses %j', async (command) => {
      expect(await errorCode(command)).toBe('invalid')
      expect(existsSync(at('state', 'commands'))).toBe(false)
    })

    test.each(['', 'no', '[]', '"a"', '{} {}', '{"a":', 'null'])('refuses the input %j', async (input) => {
      expect(await errorCode('settings a1', input)).toBe('invalid')
      expect(await errorCode('status a1', input)).toBe('invalid')
    })

    test('refuses an input of more than 1 MiB', async () => {
      const { last } = await agent('settings a1', { compose: 'x'.repeat(1024 * 1024), env: {} })
      expect(last.error).toEqual({ code: 'invalid', message: 'The input is too long.' })
    })

    test('takes the longest id', async () => {
      expect(await result(`stop ${'a_-9'.repeat(16)}`)).toEqual({})
    })
  })

  describe('settings', () => {
    const NASTY: Record<string, string> = {
      DOLLARS: `$HOME \${GREETING} $$ \`id\` $(id)`,
      QUOTES: `' '' " "" \\' \\" \\`,
      SPACES: '  leading and trailing  ',
      HASH: '# not a comment #',
      EQUALS: '=a=b=',
      UNICODE: 'é Á È ß 漢字 🙂 \u0081\u0088\u00a0\u2028',
      CONTROL: '\t\u0001\u001b[31m\u007f',
      EMPTY: '',
      ESCAPES: '\\n \\r \\0 \\x41 %s %n *? [a] ~ !',
      LONG: 'x'.repeat(30_000),
    }

    test('reach the app to the byte', async () => {
      await result('settings a1', { compose: COMPOSE, env: NASTY })
      await result('start a2', { release: 'v42' })
      const environment = Object.fromEntries(
        written('environment')
          .split('\0')
          .filter(Boolean)
          .map((entry) => {
            const end = entry.indexOf('=')
            return [entry.slice(0, end), entry.slice(end + 1)]
          }),
      )
      expect(environment).toMatchObject({ ...NASTY, RELEASE: 'v42' })
      expect(written('state', 'app', 'compose.yaml')).toBe(COMPOSE)
    })

    test('are readable for root only and answered with their digest', async () => {
      const { sha256 } = await result('settings a1', { compose: COMPOSE, env: { A: 'é', B: '' } })
      const hash = new Bun.CryptoHasher('sha256').update(`${COMPOSE}A=é\nB=\n`).digest('hex')
      expect(sha256).toBe(hash)
      for (const name of ['compose.yaml', 'app.env']) {
        expect(statSync(at('state', 'app', name)).mode & 0o777).toBe(0o600)
      }
    })

    test.each([
      ['a line break in a value', { compose: COMPOSE, env: { A: 'x\nB=y' } }],
      ['a carriage return in a value', { compose: COMPOSE, env: { A: 'x\r' } }],
      ['a NUL in a value', { compose: COMPOSE, env: { A: 'x\0' } }],
      ['a NUL in the compose file', { compose: 'a\0', env: {} }],
      ['a number as a value', { compose: COMPOSE, env: { A: 1 } }],
      ['no compose file', { env: {} }],
      ['no environment', { compose: COMPOSE }],
      ['a name with a line break', { compose: COMPOSE, env: { 'A\nB': 'x' } }],
      ['a name that ends in a line break', { compose: COMPOSE, env: { 'A\n': 'x' } }],
      ['a name with an equals sign', { compose: COMPOSE, env: { 'A=B': 'x' } }],
      ['PATH', { compose: COMPOSE, env: { PATH: '/tmp' } }],
      ['LD_PRELOAD', { compose: COMPOSE, env: { LD_PRELOAD: '/tmp/x.so' } }],
      ['DOCKER_HOST', { compose: COMPOSE, env: { DOCKER_HOST: 'tcp://evil' } }],
      ['the agent’s own variables', { compose: COMPOSE, env: { ATLAS_STATE_DIR: '/tmp' } }],
    ])('with %s are refused and change nothing', async (_, input) => {
      await settle()
      expect(await errorCode('settings a2', input)).toBe('invalid')
      expect(written('state', 'app', 'app.env')).toBe('GREETING=hello\n')
      expect(written('state', 'app', 'compose.yaml')).toBe(COMPOSE)
    })

    test('leave no secret behind in the command’s folder, its output or any argument', async () => {
      const canary = 'canary-5f1c'
      const { text } = await agent('settings a1', { compose: COMPOSE, env: { SECRET: canary } })
      await result('start a2', { release: 'v1' })
      await result('logs a3', { lines: 5 })
      const left = readdirSync(at('state', 'commands'), { recursive: true }) as string[]
      const files = left
        .map((name) => at('state', 'commands', name))
        .filter((path) => statSync(path).isFile())
      const found = [text, written('calls'), ...files.map((path) => readFileSync(path, 'utf8'))].join('\n')
      expect(found).not.toContain(canary)
      expect(files.some((path) => path.endsWith('request'))).toBe(true)
    })
  })

  describe('start', () => {
    test('needs settings and a well-formed release', async () => {
      expect(await errorCode('start a1', { release: 'v1' })).toBe('conflict')
      await settle()
      for (const [index, release] of ['', '-x', 'a b', '../x', 'a;id', 'v1\n', 1, null].entries()) {
        expect(await errorCode(`start bad-${index}`, { release })).toBe('invalid')
      }
      expect(existsSync(at('calls'))).toBe(false)
    })

    test('pulls, starts, opens the front door, and tells the log and the digest', async () => {
      await settle()
      container({ Status: 'running' })
      const { logs, last } = await agent('start a1', { release: 'v42' })
      expect(logs).toEqual(['Pulling release v42', 'pulling "v42"', 'Starting release v42'])
      expect(last.result).toEqual({ release: 'v42', digest: 'sha256:feed' })
      const compose = `compose --ansi never --progress plain --project-name app --project-directory ${at('state', 'app')}`
      expect(written('calls').split('\n').slice(0, 2)).toEqual([
        `${compose} --file ${at('state', 'app', 'compose.yaml')} pull`,
        `${compose} --file ${at('state', 'app', 'compose.yaml')} up --detach --remove-orphans`,
      ])
      expect(written('systemctl')).toContain('enable --now caddy.service')
    })

    test('tells an image that does not exist from a registry that cannot be reached', async () => {
      await settle()
      put('denied')
      expect(await errorCode('start a1', { release: 'v1' })).toBe('not_found')
      rmSync(at('denied'))
      put('offline')
      expect(await errorCode('start a2', { release: 'v1' })).toBe('unavailable')
      expect(calls(' up ')).toBe(0)
    })
  })

  describe('a command id', () => {
    test('replays a finished command, its log and its failure too, and never runs it twice', async () => {
      await settle()
      container({ Status: 'running' })
      const first = await agent('start once', { release: 'v42' })
      expect(await agent('start once', { release: 'v42' })).toEqual(first)
      expect(calls(' pull')).toBe(1)
      put('offline')
      const failed = await agent('start failing', { release: 'v42' })
      rmSync(at('offline'))
      expect(await agent('start failing', { release: 'v42' })).toEqual(failed)
      expect(failed.code).toBe(1)
      expect(calls(' pull')).toBe(2)
    })

    test('attaches two calls at once to the same work', async () => {
      await settle()
      put('slow')
      const answers = await Promise.all([1, 2, 3].map(() => agent('start once', { release: 'v42' })))
      expect(new Set(answers.map(({ text }) => text)).size).toBe(1)
      expect(answers[0]!.logs).toContain('pulling "v42"')
      expect(calls(' pull')).toBe(1)
    })

    test('finds its work again when the connection broke', async () => {
      await settle()
      put('slow')
      const broken = spawn(['start once'], '{"release":"v42"}')
      const reader = broken.stdout.getReader()
      await reader.read()
      broken.kill('SIGKILL')
      await broken.exited
      const { last, logs } = await agent('start once', { release: 'v42' })
      expect(last.result).toMatchObject({ release: 'v42' })
      expect(logs).toContain('Starting release v42')
      expect(calls(' pull')).toBe(1)
    })

    test('takes up work that a power cut ended', async () => {
      await settle()
      await result('start once', { release: 'v42' })
      const folder = at('state', 'commands', 'once')
      rmSync(join(folder, 'result'))
      writeFileSync(join(folder, 'input'), '{"release":"v42"}')
      expect(await result('start once', { release: 'v42' })).toMatchObject({ release: 'v42' })
      expect(calls(' pull')).toBe(2)
    })

    test('has what a power cut must not take on the disk, before it is there by name', async () => {
      await settle()
      await result('start once', { release: 'v42' })
      for (const name of ['input', 'request', 'result', 'release', 'compose.yaml', 'app.env'])
        expect(written('synced')).toMatch(new RegExp(`/${name}\\.new [1-9]`))
    })

    test('is a conflict for another verb or another input', async () => {
      await settle()
      await result('start once', { release: 'v42' })
      expect(await errorCode('start once', { release: 'v43' })).toBe('conflict')
      expect(await errorCode('stop once', { release: 'v42' })).toBe('conflict')
      expect(calls(' pull')).toBe(1)
    })

    test('of different commands run one after the other', async () => {
      await settle()
      put('slow')
      await Promise.all(['a', 'b'].map((id) => result(`start ${id}`, { release: `v-${id}` })))
      const kinds = written('calls')
        .match(/ (pull|up) ?/g)!
        .map((kind) => kind.trim())
      expect(kinds).toEqual(['pull', 'up', 'pull', 'up'])
    })
  })

  describe('the host key', () => {
    const keyFile = () => at('ssh', 'ssh_host_ed25519_key')
    const publicHalf = (path: string) =>
      Bun.spawnSync(['ssh-keygen', '-y', '-f', path])
        .stdout.toString()
        .trim()
        .split(' ')
        .slice(0, 2)
        .join(' ')
    beforeEach(() => {
      Bun.spawnSync(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', 'old', '-f', keyFile()])
    })
    const prepare = async (id: string) =>
      (await result(`host-key ${id}`, { action: 'prepare' })).public_key as string

    test('is prepared once, made on the server, and not yet active', async () => {
      const before = publicHalf(keyFile())
      const prepared = await prepare('a1')
      expect(prepared).toMatch(/^ssh-ed25519 [A-Za-z0-9+/]+$/)
      expect(await prepare('a2')).toBe(prepared)
      expect(prepared).not.toBe(before)
      expect(publicHalf(keyFile())).toBe(before)
      expect(await result('status s')).toMatchObject({ host_key: before })
    })

    test('is activated in place of the old one, readable for root only, and sshd hears of it', async () => {
      const prepared = await prepare('a1')
      const activate = { action: 'activate', public_key: prepared }
      expect(await result('host-key a2', activate)).toEqual({ public_key: prepared })
      expect(publicHalf(keyFile())).toBe(prepared)
      expect(written('ssh', 'ssh_host_ed25519_key.pub')).toBe(`${prepared}\n`)
      expect(statSync(keyFile()).mode & 0o777).toBe(0o600)
      expect(written('systemctl')).toContain('reload ssh.service')
      expect(await result('host-key a3', activate)).toEqual({ public_key: prepared })
      expect(await prepare('a4')).not.toBe(prepared)
    })

    test('is refused unless it is the prepared one', async () => {
      const before = publicHalf(keyFile())
      const other = { action: 'activate', public_key: `ssh-ed25519 ${'A'.repeat(68)}` }
      expect(await errorCode('host-key a1', other)).toBe('conflict')
      await prepare('a2')
      expect(await errorCode('host-key a3', other)).toBe('conflict')
      expect(await errorCode('host-key a4', { action: 'remove' })).toBe('invalid')
      expect(await errorCode('host-key a5', { action: 'activate', public_key: 7 })).toBe('conflict')
      expect(publicHalf(keyFile())).toBe(before)
    })

    test('is activated by a further try when sshd could not be reloaded', async () => {
      const prepared = await prepare('a1')
      put('no-systemd')
      expect(await errorCode('host-key a2', { action: 'activate', public_key: prepared })).toBe('unavailable')
      rmSync(at('no-systemd'))
      expect(await result('host-key a3', { action: 'activate', public_key: prepared })).toEqual({
        public_key: prepared,
      })
    })
  })

  describe('status', () => {
    test('is ready when the last line of the first boot has run', async () => {
      expect(await result('status s')).toMatchObject({ agent_version: agentVersion, ready: false })
      mkdirSync(at('state'), { recursive: true })
      put('state/ready')
      expect(await result('status s')).toEqual({
        agent_version: agentVersion,
        ready: true,
        host_key: '',
        app: { state: 'absent', release: null, digest: null },
      })
      expect(readdirSync(at('state', 'commands'))).toEqual([])
    })

    test.each([
      ['running', { Status: 'running' }],
      ['running', { Status: 'running', Health: { Status: 'healthy' } }],
      ['starting', { Status: 'running', Health: { Status: 'starting' } }],
      ['starting', { Status: 'created' }],
      ['failed', { Status: 'running', Health: { Status: 'unhealthy' } }],
      ['failed', { Status: 'restarting', ExitCode: 1 }],
      ['failed', { Status: 'exited', ExitCode: 1 }],
      ['stopped', { Status: 'exited', ExitCode: 0 }],
      ['stopped', { Status: 'exited', ExitCode: 143 }],
    ] as [string, Record<string, unknown>][])('tells %s of %j', async (state, facts) => {
      container(facts)
      expect((await result('status s')).app).toEqual({ state, release: 'v42', digest: 'sha256:feed' })
    })

    test('is an error and not a guess when docker does not answer', async () => {
      program('docker', '#!/bin/sh\nexit 1\n')
      expect(await errorCode('status s')).toBe('unavailable')
    })
  })

  describe('stop and logs', () => {
    test('stop is done at once where nothing was started', async () => {
      expect(await result('stop a1')).toEqual({})
      expect(existsSync(at('calls'))).toBe(false)
      await settle()
      await result('start a2', { release: 'v42' })
      expect(await result('stop a3')).toEqual({})
      expect(written('calls')).toMatch(/compose\.yaml stop\n$/)
    })

    test('stop with a holding page leaves it for Caddy, escaped, until the next start or a stop without', async () => {
      await settle()
      await result('start a1', { release: 'v42' })
      const holding = { title: 'Back <soon>', message: `Pay & we're "back"` }
      expect(await result('stop a2', { holding })).toEqual({})
      const page = written('holding', 'index.html')
      expect(page).toMatch(/<h1>Back &lt;soon&gt;<\/h1><p>Pay &amp; we&(#39|apos);re &quot;back&quot;<\/p>/)
      expect(statSync(at('holding', 'index.html')).mode & 0o777).toBe(0o644)
      expect(statSync(at('holding')).mode & 0o777).toBe(0o755)
      put('offline')
      expect(await errorCode('start a3', { release: 'v42' })).toBe('unavailable')
      expect(existsSync(at('holding', 'index.html'))).toBe(true)
      rmSync(at('offline'))
      await result('start a4', { release: 'v42' })
      expect(existsSync(at('holding', 'index.html'))).toBe(false)
      await result('stop a5', { holding })
      await result('stop a6')
      expect(existsSync(at('holding', 'index.html'))).toBe(false)
    })

    test.each([{}, { title: 'x' }, { title: 'x', message: '' }, { title: 1, message: 'x' }, 'x', [[]]])(
      'stop refuses the holding page %j and leaves the app alone',
      async (holding) => {
        await settle()
        await result('start a1', { release: 'v42' })
        expect(await errorCode('stop a2', { holding })).toBe('invalid')
        expect(written('calls')).not.toContain('compose.yaml stop')
      },
    )

    test('logs show the tail of the first boot and of the app, anew each time', async () => {
      put('boot.log', 'one\ntwo "quoted"\nthree\n')
      expect(await result('logs l', { lines: 2 })).toEqual({ lines: ['two "quoted"', 'three'] })
      await settle()
      await result('start a1', { release: 'v42' })
      expect(await result('logs l', { lines: 1 })).toEqual({ lines: ['three', 'app says hello'] })
      for (const lines of [0, 1001, 1.5, '5', undefined]) {
        expect(await errorCode('logs l', { lines })).toBe('invalid')
      }
    })
  })
}
