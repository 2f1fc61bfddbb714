import { describe, expect, test } from 'bun:test'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { describeWith } from '../needs'
import { deployServer, digestOf, imagesOf, pinned } from './deploy-server'

const { at, put, written, agent, result, errorCode, order, answer, failure, running, cutAt, calls, program } =
  deployServer()

// A tenant's server is a Debian: macOS has neither flock nor setsid.
if (process.platform === 'linux') describeWith('jq', 'the verb deploy', deploying)

const V42 = 'ghcr.io/acme/app:v42 sha256:image-of-v42'
const V43 = 'ghcr.io/acme/app:v43 sha256:image-of-v43'
const MIGRATE = { service: 'app', command: ['/app/migrate', '--to', 'now'] }

function deploying() {
  test('pulls by digest, switches over, and answers with what runs', async () => {
    const { logs, last } = await agent('deploy d1', order())
    expect(last).toEqual({ result: { release: 'v43', digest: digestOf('v43') } })
    expect(logs).toEqual(['Pulling release v43', `Pulled ${pinned('v43')}`, 'Switching to release v43'])
    expect(running()).toBe(V43)
    expect((await result('status s')).app).toEqual({
      state: 'running',
      release: 'v43',
      digest: digestOf('v43'),
    })
    expect(written('calls')).toContain('up --detach --remove-orphans --pull never')
  })

  test('migrates with the new image while the former release serves', async () => {
    await result('deploy d1', order({ migrate: MIGRATE }))
    expect(written('migrations')).toBe('RELEASE=v43\n')
    const [before] = written('calls').split(' up --detach')
    expect(before).toContain('run --rm --no-deps --no-TTY --name app-migration app /app/migrate --to now')
    expect(written('migration-argv').split('\0').slice(0, 4)).toEqual(['app', '/app/migrate', '--to', 'now'])
    // A server that has just come up again may not have started the database yet.
    expect(before?.indexOf('up --wait')).toBeLessThan(before?.indexOf(' run --rm') ?? 0)
    expect(written('brought-up')).toBe('v42\n')
  })

  test('asks three times in a row, under the tenant’s own name, and begins anew after a bad answer', async () => {
    const codes = [500, 200, 200, 503, 200, 200, 200]
    const hosts: string[] = []
    answer((_release, _path, host) => {
      hosts.push(host)
      return { status: codes.shift() ?? 599 }
    })
    const { health } = order()
    await result('deploy d1', order({ health: { ...health, host: 'alice.example.com' } }))
    expect(codes).toEqual([])
    expect(new Set(hosts)).toEqual(new Set(['alice.example.com']))
  })

  test('takes the registry’s login for the pull alone, and leaves it nowhere', async () => {
    const canary = 'canary-7a21'
    const registry = { host: 'ghcr.io', username: 'atlas', password: canary }
    const { text } = await agent('deploy d1', order({ registry }))
    const auth = Buffer.from(`atlas:${canary}`).toString('base64')
    expect(JSON.parse(written('logins'))).toEqual({ auths: { 'ghcr.io': { auth } } })
    const left = readdirSync(at('state'), { recursive: true }) as string[]
    const files = left.map((name) => at('state', name)).filter((path) => statSync(path).isFile())
    const found = [text, written('calls'), ...files.map((path) => readFileSync(path, 'utf8'))].join('\n')
    expect(found).not.toContain(canary)
    expect(found).not.toContain(auth)
  })

  test('removes what is older than the release that it came from', async () => {
    put('images', `${written('images')}${pinned('v41')} sha256:image-of-v41\n`)
    await result('deploy d1', order())
    expect(written('removed')).toBe('sha256:image-of-v41\n')
  })

  test('makes room by removing what failed before, and only then gives up', async () => {
    put('images', `${written('images')}${pinned('v41')} sha256:image-of-v41\n`)
    put('free', '1000\n')
    put('frees', '9999999999\n')
    expect(await result('deploy d1', order())).toMatchObject({ release: 'v43' })
    expect(written('removed')).toStartWith('sha256:image-of-v41\n')
  })

  test('is possible for what was started by digest, whatever the tag stands for by now', async () => {
    rmSync(at('app'))
    const { logs, last } = await agent('start s1', { release: 'v42', images: imagesOf('v42') })
    expect(last).toEqual({ result: { release: 'v42', digest: digestOf('v42') } })
    expect(logs).toEqual(['Pulling release v42', 'Starting release v42'])
    expect(written('calls')).toContain(' pull --policy missing')
    const moved = [{ image: 'ghcr.io/acme/app:v42', digest: digestOf('v44') }]
    expect(await result('start s2', { release: 'v42', images: moved })).toMatchObject({
      digest: digestOf('v44'),
    })
    expect(await errorCode('start s3', { release: 'v42', images: 'all' })).toBe('invalid')
  })

  test('is not needed to migrate data that was put back: a start does it before the app is up', async () => {
    await result('start s1', { release: 'v42', images: imagesOf('v42'), migrate: MIGRATE })
    const [before] = written('calls').split(' up --detach')
    expect(before).toContain('run --rm --no-TTY --name app-migration app /app/migrate --to now')
    put('migration-fails')
    expect(await errorCode('start s2', { release: 'v42', migrate: MIGRATE })).toBe('conflict')
    expect(calls(' up --detach')).toBe(1)
    expect(await errorCode('start s3', { release: 'v42', migrate: { service: '-x', command: ['a'] } })).toBe(
      'invalid',
    )
  })

  describe('keeps the former release', () => {
    test.each([
      ['there is no room', 'free', '1000\n', 'space', 'conflict'],
      ['the disk fills up', 'disk-full', '', 'space', 'conflict'],
      ['the registry is down', 'offline', '', 'pull', 'unavailable'],
      ['the image is gone', 'registry', '', 'pull', 'not_found'],
      ['the migration fails', 'migration-fails', '', 'migrate', 'conflict'],
    ])('when %s', async (_, file, text, part, code) => {
      put(file, text)
      const failed = await failure('deploy d1', order({ migrate: MIGRATE }))
      expect(failed).toMatchObject({ exit: 1, code, part, back: true })
      expect(running()).toBe(V42)
      expect(calls(' up --detach')).toBe(0)
      expect(written('state', 'app', 'release')).toBe('v42')
    })

    test('and says what the migration said', async () => {
      put('migration-fails')
      const { log } = await failure('deploy d1', order({ migrate: MIGRATE }))
      expect(log.slice(-2)).toEqual(['Migrating to release v43', 'column exists'])
    })
  })

  describe('goes back', () => {
    test('when the app does not become healthy, with the last hundred lines', async () => {
      answer((release) => ({ status: release === 'v43' ? 500 : 200 }))
      const failed = await failure('deploy d1', order({ migrate: MIGRATE }))
      expect(failed).toMatchObject({ exit: 1, code: 'conflict', part: 'health', back: true })
      expect(failed.log.at(-1)).toBe('app says hello')
      expect(failed.log.length).toBeLessThanOrEqual(100)
      expect(running()).toBe(V42)
      expect(written('state', 'app', 'release')).toBe('v42')
      expect((await result('status s')).app).toMatchObject({ release: 'v42', digest: digestOf('v42') })
      // What the data went through is not repeated on the way back.
      expect(written('migrations')).toBe('RELEASE=v43\n')
    })

    test('when the new release cannot be started', async () => {
      put('up-v43')
      const failed = await failure('deploy d1', order())
      expect(failed).toMatchObject({ code: 'conflict', part: 'switch', back: true })
      expect(failed.log).toContain('port is already allocated')
      expect(running()).toBe(V42)
    })

    test('to an app that has crashed before and is well by now', async () => {
      put('restarts-v42', '9')
      put('up-v43')
      expect(await failure('deploy d1', order())).toMatchObject({ part: 'switch', back: true })
    })

    test('at once when the app crashes again and again', async () => {
      put('sick', 'v43')
      answer((release) => ({ status: release === 'v43' ? 500 : 200 }))
      const { health } = order()
      const failed = await failure('deploy d1', order({ health: { ...health, timeout_seconds: 3600 } }))
      expect(failed).toMatchObject({ part: 'health', back: true })
      expect(failed.log).toContain('The app crashes again and again')
    })

    test('when an old container is what answers', async () => {
      put('stale')
      const failed = await failure('deploy d1', order())
      expect(failed).toMatchObject({ part: 'health', back: true })
      expect(failed.log).toContain('What runs is not the release that is wanted')
      expect(running()).toBe(V42)
    })

    test('when the tag’s name is right and the image behind it is another', async () => {
      await result('deploy d1', order())
      const moved = { image: 'ghcr.io/acme/app:v43', digest: digestOf('v44') }
      put('stale')
      const failed = await failure('deploy d2', order({ images: [moved] }))
      expect(failed).toMatchObject({ part: 'health' })
      expect(running()).toBe(V43)
    })

    test('when the smoke check sees something else', async () => {
      answer((release, path) => ({
        status: 200,
        body: path === '/about' && release === 'v43' ? 'oops' : 'Ada’s $HOME <b>',
      }))
      const smoke = { path: '/about', expect_status: 200, contains: '’s $HOME <b>' }
      expect(await failure('deploy d1', order({ smoke }))).toMatchObject({ part: 'smoke', back: true })
      expect(running()).toBe(V42)
      answer(() => ({ status: 200, body: 'Ada’s $HOME <b>' }))
      expect(await result('deploy d2', order({ smoke }))).toMatchObject({ release: 'v43' })
    })

    test('with the registry’s login, should an image be gone by then', async () => {
      answer((release) => ({ status: release === 'v43' ? 500 : 200 }))
      const registry = { host: 'ghcr.io', username: 'atlas', password: 'canary-7a21' }
      await failure('deploy d1', order({ registry }))
      expect(written('composed-logins').match(/"auths"/g)).toHaveLength(2)
      expect(written('calls').match(/(pull --policy missing|up --detach).*/g)).toEqual([
        'pull --policy missing',
        'up --detach --remove-orphans --pull never',
        'pull --policy missing',
        'up --detach --remove-orphans --pull never',
      ])
    })

    test('and says so when that fails too', async () => {
      answer((release) => ({ status: release === 'v43' ? 500 : 502 }))
      const failed = await failure('deploy d1', order())
      expect(failed).toMatchObject({ code: 'conflict', part: 'health', back: false })
      expect(written('state', 'app', 'release')).toBe('v42')
    })

    test('to a former release whose digest was never known', async () => {
      answer((release) => ({ status: release === 'v43' ? 500 : 200 }))
      const failed = await failure('deploy d1', order({ former: { release: 'v42', images: [] } }))
      expect(failed).toMatchObject({ part: 'health', back: true })
      expect(running()).toBe(V42)
    })

    test('as a command of its own, without a migration', async () => {
      await result('deploy d1', order({ migrate: MIGRATE }))
      const former = { release: 'v43', images: imagesOf('v43') }
      await result('deploy d2', order({ release: 'v42', images: imagesOf('v42'), former }))
      expect(running()).toBe(V42)
      expect(written('migrations')).toBe('RELEASE=v43\n')
    })
  })

  describe('without a way back', () => {
    const ONE_WAY = { migrate: MIGRATE, no_return: 'v43', passes: ['v43'] }
    const mark = () => existsSync(at('state', 'app', 'no-return'))
    const isSick = () => answer((release) => ({ status: release === 'v43' ? 500 : 200 }))

    test.each([
      ['there is no room', 'free', '1000\n', 'space'],
      ['the image is gone', 'registry', '', 'pull'],
    ])('keeps the former release when %s, because nothing was migrated', async (_, file, text, part) => {
      put(file, text)
      expect(await failure('deploy d1', order(ONE_WAY))).toMatchObject({ part, back: true })
      expect([running(), mark()]).toEqual([V42, false])
    })

    test('switches nothing when the migration fails, and does not say that all is as before', async () => {
      put('migration-fails')
      const failed = await failure('deploy d1', order(ONE_WAY))
      expect(failed).toMatchObject({ exit: 1, code: 'conflict', part: 'migrate', back: false })
      expect(failed.log.at(-1)).toBe('column exists')
      expect(calls(' up --detach')).toBe(0)
      // The former release is not started on that data once more, not even for the sake of the next migration.
      await failure('deploy d0', order(ONE_WAY))
      expect([written('brought-up'), calls(' run --rm --no-deps'), calls(' run --rm')]).toEqual([
        'v42\n',
        1,
        2,
      ])
      // Nor later, when not even the image is there: the data is what it is.
      put('registry')
      expect(await failure('deploy d2', order(ONE_WAY))).toMatchObject({ back: false })
    })

    test.each([
      ['is not well', 'health', isSick],
      ['can’t be started', 'switch', () => put('up-v43')],
      [
        'fails its smoke check',
        'smoke',
        () => answer((_, path) => ({ status: path === '/smoke' ? 500 : 200 })),
      ],
    ])('stays on the new release when it %s', async (_, part, goesWrong) => {
      goesWrong()
      const smoke = { path: '/smoke', expect_status: 200 }
      const failed = await failure('deploy d1', order({ ...ONE_WAY, smoke }))
      expect(failed).toMatchObject({ exit: 1, code: 'conflict', part, back: false })
      expect(failed.log.at(-1)).toBe('app says hello')
      expect(calls(' up --detach')).toBe(1)
      expect(written('state', 'app', 'release')).toBe('v43')
    })

    test('stays there also when the app migrates as it starts, and after a power cut', async () => {
      isSick()
      const oneWay = order({ no_return: 'v43', passes: ['v43'] })
      await cutAt('up-v43', 'deploy d1', oneWay)
      expect(await failure('deploy d1', oneWay)).toMatchObject({ back: false })
      expect(running()).toBe(V43)
    })

    test('keeps the new settings', async () => {
      isSick()
      const env = { GREETING: 'hi' }
      await failure('deploy d1', order({ ...ONE_WAY, compose: written('state/app/compose.yaml'), env }))
      expect(written('state', 'app', 'app.env')).toBe('GREETING=hi\n')
    })

    test('has one again to a release that lives with the data', async () => {
      isSick()
      await failure('deploy d1', order(ONE_WAY))
      expect(written('state', 'app', 'no-return')).toBe('v43')
      // The way back as a command of its own, and whatever else does not know what the data went through.
      expect(await errorCode('deploy back', order({ release: 'v42', images: imagesOf('v42') }))).toBe(
        'conflict',
      )
      expect(running()).toBe(V43)
      answer(() => ({ status: 200 }))
      await result('deploy d2', order(ONE_WAY))
      answer((release) => ({ status: release === 'v44' ? 500 : 200 }))
      const former = { release: 'v43', images: imagesOf('v43') }
      const next = order({ release: 'v44', images: imagesOf('v44'), former, lives_with: ['v43'] })
      expect(await failure('deploy d3', next)).toMatchObject({ part: 'health', back: true })
      expect(running()).toBe(V43)
    })

    test('starts no release from before it, also when nobody has heard that it worked', async () => {
      mkdirSync(at('holding'))
      put('holding/index.html', 'away')
      await result('deploy d1', order(ONE_WAY))
      expect(existsSync(at('holding/index.html'))).toBe(false)
      const start = (release: string, livesWith: string[]) => ({
        ...{ release, images: imagesOf(release), lives_with: livesWith },
      })
      const { last } = await agent('start s1', start('v42', ['v40']))
      expect<unknown>(last.error).toEqual({
        code: 'conflict',
        message:
          'Release v43 has changed the data for good, and what is to be started is from before it. Deploy v43 or a later release, or restore a backup from before it.',
        part: 'no-return',
      })
      expect([running(), written('state', 'app', 'release')]).toEqual([V43, 'v43'])
      expect(await result('start s2', start('v43', ['v40', 'v43']))).toMatchObject({ release: 'v43' })
    })

    test('passes no release that it does not know of, whatever it does to the data itself', async () => {
      await result('deploy d1', order(ONE_WAY))
      const next = order({ release: 'v44', images: imagesOf('v44'), migrate: MIGRATE, no_return: 'v44' })
      const { last } = await agent('deploy d2', { ...next, passes: ['v44'], lives_with: ['v40'] })
      expect(last.error).toMatchObject({ code: 'conflict', part: 'no-return' })
      expect([running(), written('state', 'app', 'no-return')]).toEqual([V43, 'v43'])
      await result('deploy d3', { ...next, passes: ['v43', 'v44'], lives_with: ['v40'] })
      expect(written('state', 'app', 'no-return')).toBe('v44')
    })

    test('is named by its release', async () => {
      expect(await errorCode('deploy d1', order({ no_return: false }))).toBe('invalid')
      expect(await errorCode('deploy d2', order({ lives_with: 'v42' }))).toBe('invalid')
      expect(await errorCode('deploy d3', order({ passes: 'v43' }))).toBe('invalid')
      expect(await errorCode('start s1', { release: 'v42', lives_with: ['../v42'] })).toBe('invalid')
    })
  })

  describe('brings the settings that go with the release', () => {
    const next = {
      compose: `services:\n  app:\n    image: ghcr.io/acme/app:\${RELEASE:?}\n# new\n`,
      env: { GREETING: 'hi' },
    }
    const inForce = () => ['compose.yaml', 'app.env'].map((name) => written('state', 'app', name))
    const left = () => ['next', 'former'].filter((name) => existsSync(at('state', 'app', name)))

    test('in force from the switch on, and for the migration before it', async () => {
      const before = inForce()
      put('migration-fails')
      const cut = order({ ...next, migrate: MIGRATE })
      expect(await failure('deploy d1', cut)).toMatchObject({ part: 'migrate', back: true })
      expect(inForce()).toEqual(before)
      expect(written('calls')).toContain(`--file ${at('state', 'app', 'next', 'compose.yaml')} run --rm`)
      rmSync(at('migration-fails'))
      await result('deploy d2', cut)
      expect(inForce()).toEqual([next.compose, 'GREETING=hi\n'])
      expect(written('calls')).toContain(`--file ${at('state', 'app', 'compose.yaml')} up --detach`)
      expect(left()).toEqual([])
    })

    test('and the former ones with the former release', async () => {
      const before = inForce()
      answer((release) => ({ status: release === 'v43' ? 500 : 200 }))
      expect(await failure('deploy d1', order(next))).toMatchObject({ part: 'health', back: true })
      expect(inForce()).toEqual(before)
      expect(left()).toEqual([])
    })

    test.each(['up-v43', 'up-v42'])('also when a power cut comes at %s', async (part) => {
      const before = inForce()
      answer((release) => ({ status: release === 'v43' ? 500 : 200 }))
      await cutAt(part, 'deploy d1', order(next))
      expect(await failure('deploy d1', order(next))).toMatchObject({ part: 'health', back: true })
      expect(inForce()).toEqual(before)
      expect(left()).toEqual([])
    })

    test('or refuses malformed ones', async () => {
      expect(await errorCode('deploy d1', order({ ...next, env: { PATH: '/tmp' } }))).toBe('invalid')
      expect(left()).toEqual([])
    })

    test('and is the same command when they have changed meanwhile', async () => {
      const first = await agent('deploy d1', order(next))
      expect(await agent('deploy d1', order({ ...next, env: { GREETING: 'later' } }))).toEqual(first)
      expect(await errorCode('deploy d1', order({ release: 'v44' }))).toBe('conflict')
    })
  })

  describe('after a power cut', () => {
    test.each(['pull', 'migrate', 'up-v43'])('at %s goes on under the same id', async (part) => {
      const heard = await cutAt(part, 'deploy d1', order({ migrate: MIGRATE }))
      // An answer would use the id up, and another id knows nothing of what is half done.
      expect(heard).not.toContain('error')
      expect(await result('deploy d1', order({ migrate: MIGRATE }))).toMatchObject({ release: 'v43' })
      expect(running()).toBe(V43)
      expect(written('migrations')).toBe('RELEASE=v43\n')
      // What a migration that was cut off has left is gone before the next begins.
      expect(calls('rm --force app-migration')).toBeGreaterThan(0)
    })

    test('while the app is asked, neither pulls nor migrates again', async () => {
      await cutAt('health', 'deploy d1', order({ migrate: MIGRATE }))
      put('registry')
      put('free', '0\n')
      expect(await result('deploy d1', order({ migrate: MIGRATE }))).toMatchObject({ release: 'v43' })
      expect(written('migrations')).toBe('RELEASE=v43\n')
    })

    test('on the way back goes back, with the reason from before', async () => {
      answer((release) => ({ status: release === 'v43' ? 500 : 200 }))
      await cutAt('up-v42', 'deploy d1', order())
      answer(() => ({ status: 200 }))
      const failed = await failure('deploy d1', order())
      expect(failed).toMatchObject({ part: 'health', back: true })
      expect(failed.log.at(-1)).toBe('app says hello')
      expect(running()).toBe(V42)
    })
  })

  describe('while the machine shuts down', () => {
    const next = {
      compose: `services:\n  app:\n    image: ghcr.io/acme/app:\${RELEASE:?}\n`,
      env: { GREETING: 'hi' },
      migrate: MIGRATE,
    }
    const stops = () => put('system', 'stopping\n')
    const starts = () => put('system', 'running\n')

    test.each([
      ['the migration fails', () => put('migration-fails'), () => rmSync(at('migration-fails'))],
      ['the app can’t be started', () => put('up-v43'), () => rmSync(at('up-v43'))],
      ['the app is not well', () => answer(() => ({ status: 500 })), () => answer(() => ({ status: 200 }))],
    ])('fails for nothing, because all ends beside it: %s', async (_, breaks, heals) => {
      stops()
      breaks()
      const { code, text } = await agent('deploy d1', order(next))
      expect(code).toBe(75)
      expect(text).not.toContain('error')
      starts()
      heals()
      expect(await result('deploy d1', order(next))).toMatchObject({ release: 'v43' })
      expect([running(), written('state', 'app', 'app.env')]).toEqual([V43, 'GREETING=hi\n'])
    })

    test('fails for nothing when systemd ended first and tells nothing', async () => {
      program('systemctl', '#!/bin/sh\n[ ! -e "$FAKE/asked" ] || echo stopping\n: >"$FAKE/asked"\n')
      put('migration-fails')
      expect((await agent('deploy d1', order(next))).code).toBe(75)
      program('systemctl', '#!/bin/sh\necho running\n')
      rmSync(at('migration-fails'))
      expect(await result('deploy d1', order(next))).toMatchObject({ release: 'v43' })
    })

    test('but a systemd that never tells anything keeps no failure from being told', async () => {
      rmSync(at('system'))
      put('migration-fails')
      expect(await failure('deploy d1', order(next))).toMatchObject({ part: 'migrate' })
    })

    test('keeps its way back for the next start', async () => {
      answer((release) => ({ status: release === 'v43' ? 500 : 200 }))
      await cutAt('up-v42', 'deploy d1', order(next))
      stops()
      put('up-v42')
      expect((await agent('deploy d1', order(next))).code).toBe(75)
      starts()
      rmSync(at('up-v42'))
      expect(await failure('deploy d1', order(next))).toMatchObject({ part: 'health', back: true })
      expect([running(), written('state', 'app', 'app.env')]).toEqual([V42, 'GREETING=hello\n'])
    })
  })

  test('never runs twice under one id: not after success, failure, or for two that ask at once', async () => {
    const both = await Promise.all([1, 2].map(() => agent('deploy d1', order({ migrate: MIGRATE }))))
    expect(both[1]).toEqual(both[0]!)
    expect(await agent('deploy d1', order({ migrate: MIGRATE }))).toEqual(both[0]!)
    expect(written('migrations')).toBe('RELEASE=v43\n')
    expect(calls(' up --detach')).toBe(1)
    put('migration-fails')
    const failed = await agent('deploy d2', order({ migrate: MIGRATE }))
    expect(await agent('deploy d2', order({ migrate: MIGRATE }))).toEqual(failed)
    expect(written('migrations')).toBe('RELEASE=v43\nRELEASE=v43\n')
  })

  test('of two commands runs one after the other', async () => {
    const other = order({ release: 'v44', images: imagesOf('v44') })
    await Promise.all([result('deploy d1', order()), result('deploy d2', other)])
    const kinds = written('calls').match(/pull ghcr|up --detach/g)
    expect(kinds).toEqual(['pull ghcr', 'up --detach', 'pull ghcr', 'up --detach'])
  })

  test('needs an app that was started', async () => {
    rmSync(at('state', 'app', 'release'))
    expect(await errorCode('deploy d1', order())).toBe('conflict')
  })

  describe('hands no field to a shell', () => {
    const EVIL = ['$(touch PWNED)', "'; touch PWNED; '", '-o`touch PWNED`', 'a b', 'a\nb']
    const former = { release: 'v42', images: imagesOf('v42') }
    const health = { path: '/', expect_status: 200, timeout_seconds: 1 }
    const digest = digestOf('v43')
    const fields: [string, (word: string) => Record<string, unknown>][] = [
      ['release', (word) => ({ release: word })],
      ['images.image', (word) => ({ images: [{ image: `${word}:v43`, digest }] })],
      ['images.image’s tag', (word) => ({ images: [{ image: `a:${word}`, digest }] })],
      ['images.digest', (word) => ({ images: [{ image: 'a:v43', digest: `sha256:${word}` }] })],
      ['former.release', (word) => ({ former: { ...former, release: word } })],
      ['former.images', (word) => ({ former: { ...former, images: [{ image: word, digest }] } })],
      ['health.path', (word) => ({ health: { ...health, path: word } })],
      ['health.port', (word) => ({ health: { ...health, port: word } })],
      ['health.host', (word) => ({ health: { ...health, host: word } })],
      ['health.timeout_seconds', (word) => ({ health: { ...health, timeout_seconds: word } })],
      ['migrate.service', (word) => ({ migrate: { service: word, command: ['a'] } })],
      ['registry.host', (word) => ({ registry: { host: word, username: 'a', password: 'b' } })],
      ['smoke.path', (word) => ({ smoke: { path: word, expect_status: 200 } })],
    ]
    test.each(fields)('%s is refused as malformed', async (_, change) => {
      const words = EVIL.map((word) => order(change(word)))
      const codes = await Promise.all(words.map((input, index) => errorCode(`deploy bad-${index}`, input)))
      expect(new Set(codes)).toEqual(new Set(['invalid']))
      expect(existsSync(at('PWNED'))).toBe(false)
      expect(calls(' up --detach')).toBe(0)
    })

    test('the migration’s words and the smoke check’s reach their program to the byte', async () => {
      const words = [
        ...EVIL,
        '; touch PWNED',
        '"',
        '\\',
        '*',
        `$HOME \${X} $$ %s`,
        '漢字 🙂 é',
        '\t\u0001\u001b[31m',
      ]
      const contains = `-e ${words.filter((word) => !word.includes('\n')).join(' ')}`
      answer((_, path) => ({ status: 200, body: path === '/smoke' ? `x${contains}y` : '' }))
      const smoke = { path: '/smoke', expect_status: 200, contains }
      await result('deploy d1', order({ migrate: { service: 'app', command: words }, smoke }))
      expect(written('migration-argv').split('\0').slice(1, -1)).toEqual(words)
      answer((_, path) => ({ status: 200, body: path === '/smoke' ? `x${contains.slice(0, -1)}y` : '' }))
      expect(await failure('deploy d2', order({ smoke }))).toMatchObject({ part: 'smoke' })
      expect(existsSync(at('PWNED'))).toBe(false)
    })

    test('the login’s words reach docker to the byte', async () => {
      const registry = { host: 'docker.io', username: '$(id)"\\', password: "`id`'\n; $PATH" }
      await result('deploy d1', order({ registry }))
      const { auths } = JSON.parse(written('logins')) as { auths: Record<string, { auth: string }> }
      expect(Object.keys(auths)).toEqual(['https://index.docker.io/v1/'])
      const auth = Buffer.from(Object.values(auths)[0]!.auth, 'base64').toString()
      expect(auth).toBe(`${registry.username}:${registry.password}`)
    })
  })
}
