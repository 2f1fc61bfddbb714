import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { Decrypter, generateX25519Identity, identityToRecipient } from 'age-encryption'
import { SystemClock } from '../../src/clock'
import type { Objects } from '../../src/providers/objects'
import { createS3 } from '../../src/providers/s3'
import { Front } from '../../src/simulator/front'
import { S3Twin } from '../../src/simulator/s3'
import type { Exchange } from '../../src/simulator/twin'
import { World } from '../../src/simulator/world'
import { checkS3 } from '../contract/s3'
import { describeWith } from '../needs'
import { agentServer, COMPOSE } from './agent-server'

const { at, written, put, calls, program, spawn, agent, result, errorCode, settle } = agentServer()

const identity = await generateX25519Identity()
const other = await generateX25519Identity()
const recipient = await identityToRecipient(identity)
const STORAGE = { region: 'auto', accessKeyId: 'AKIA0', secretAccessKey: 'stays-secret', bucket: 'backups' }

let front: Front
let twin: S3Twin
let objects: Objects
let seen: Exchange[]

beforeEach(() => {
  const clock = new SystemClock()
  const world = new World({ clock })
  twin = new S3Twin(world, STORAGE)
  front = new Front(world, [twin], async () => null)
  seen = []
  front.observe((exchange) => void seen.push(exchange))
  objects = createS3({ ...STORAGE, endpoint: `${front.listen(0)}/s3`, clock })
  // The real programs, with a note of every argument they get.
  for (const name of ['age', 'curl']) {
    program(name, `#!/bin/sh\nprintf '%s\\n' "${name} $*" >>"$FAKE/calls"\nexec ${Bun.which(name)} "$@"\n`)
  }
})
afterEach(() => front.stop())

/** An app that runs, with a database of one line and a volume of files. */
function appWithData() {
  mkdirSync(at('state/app'), { recursive: true })
  put('state/app/compose.yaml', COMPOSE)
  put('state/app/app.env', 'GREETING=hello\n')
  put('state/app/release', 'v42')
  put('calls')
  put('database', 'the rows\n')
  for (const folder of ['volumes/uploads/deep', 'volumes/empty']) mkdirSync(at(folder), { recursive: true })
  put('volumes/uploads/a file', 'one')
  put('volumes/uploads/deep/.hidden', 'two')
  put('volumes/uploads/-rf', 'three')
  symlinkSync('a file', at('volumes/uploads/link'))
  chmodSync(at('volumes/uploads/a file'), 0o640)
  chmodSync(at('volumes/uploads'), 0o751)
}

const DUMP = { name: 'main-db', service: 'db', command: ['sh', '-c', 'cat "$FAKE/database"'] }
const RESTORE = { ...DUMP, command: ['sh', '-c', 'cat >"$FAKE/database"'] }

const backupInput = async (change: object = {}) => ({
  upload_url: await objects.uploadUrl('t/1.age', 600),
  recipient,
  dumps: [DUMP],
  volumes: ['uploads', 'empty'],
  ...change,
})
const restoreInput = async (sha256: unknown, change: object = {}) => ({
  download_url: await objects.downloadUrl('t/1.age', 600),
  identity,
  sha256,
  restores: [RESTORE],
  volumes: ['uploads', 'empty'],
  ...change,
})
const stored = () => Buffer.from(twin.stored()[0]!.body, 'base64')

/** What the tar in a backup holds, by name. */
async function opened(): Promise<string[]> {
  const decrypter = new Decrypter()
  decrypter.addIdentity(identity)
  const tar = await decrypter.decrypt(stored())
  return Bun.spawnSync(['tar', '--list'], { stdin: tar }).stdout.toString().trim().split('\n')
}

function everyFile(): string[] {
  return (readdirSync(at('state'), { recursive: true }) as string[])
    .map((name) => at('state', name))
    .filter((path) => statSync(path).isFile())
}

if (process.platform === 'linux') {
  describeWith('jq', 'the agent', () => describeWith('age', 'with age', theAgent))
}

function theAgent() {
  describe('backup', () => {
    test('carries dumps and volumes away, encrypted, in one upload', async () => {
      appWithData()
      const { last, logs } = await agent('backup b1', await backupInput())
      expect(logs).toEqual([
        'Dumping main-db',
        'Packing and encrypting',
        `Uploading ${stored().length} bytes`,
      ])
      const sha256 = new Bun.CryptoHasher('sha256').update(stored()).digest('hex')
      expect(last.result).toEqual({ size_bytes: stored().length, sha256 })
      expect(await opened()).toEqual(
        expect.arrayContaining([
          'dumps/main-db',
          'volumes/empty/',
          'volumes/uploads/',
          'volumes/uploads/-rf',
          'volumes/uploads/a file',
          'volumes/uploads/deep/.hidden',
          'volumes/uploads/link',
        ]),
      )
      expect(stored().toString('latin1')).not.toContain('the rows')
      expect(seen.map(({ verb }) => verb)).toEqual(['PutObject'])
      expect(seen.flatMap(checkS3)).toEqual([])
    })

    test('leaves nothing plain behind, and no key in any argument', async () => {
      appWithData()
      const input = await backupInput()
      const { sha256 } = await result('backup b1', input)
      await result('restore r1', await restoreInput(sha256))
      expect(existsSync(at('state/work'))).toBe(false)
      const left = [written('calls'), ...everyFile().map((path) => readFileSync(path, 'utf8'))].join('\n')
      for (const secret of ['the rows', identity, 'X-Amz-Signature', 'X-Amz-Credential']) {
        expect([secret, left.includes(secret)]).toEqual([secret, false])
      }
    })

    test('of a stopped app starts only what is dumped, and stops it again, also after a failure', async () => {
      appWithData()
      await result('stop s1')
      await result('backup b1', await backupInput())
      expect(calls(' up --detach --wait --no-deps db')).toBe(1)
      expect(existsSync(at('running-db'))).toBe(false)
      rmSync(at('database'))
      expect(await errorCode('backup b2', await backupInput())).toBe('unavailable')
      expect(existsSync(at('running-db'))).toBe(false)
      expect(existsSync(at('state/work'))).toBe(false)
    })

    test('leaves a service that runs running', async () => {
      appWithData()
      put('running-db')
      await result('backup b1', await backupInput())
      expect(existsSync(at('running-db'))).toBe(true)
      expect(calls(' --wait --no-deps ')).toBe(0)
    })

    test('is done once for one id', async () => {
      appWithData()
      const input = await backupInput()
      const first = await agent('backup once', input)
      expect(await agent('backup once', input)).toEqual(first)
      expect(seen).toHaveLength(1)
    })

    test('begins anew after a power cut, whose leftovers it removes', async () => {
      appWithData()
      const input = await backupInput()
      const cut = await agent('backup once', input)
      rmSync(at('state/commands/once/result'))
      writeFileSync(at('state/commands/once/input'), JSON.stringify(input))
      mkdirSync(at('state/work/dumps'), { recursive: true })
      put('state/work/incomplete')
      put('state/work/dumps/old', 'half a dump')
      put('state/woken', 'db\n')
      put('running-db')
      const again = await agent('backup once', input)
      expect(again.last.result).not.toEqual(cut.last.result)
      expect(await opened()).not.toContain('dumps/old')
      expect(existsSync(at('running-db'))).toBe(false)
    })

    test('is refused before the first start, and without what it needs', async () => {
      expect(await errorCode('backup b1', await backupInput())).toBe('conflict')
      await settle()
      expect(await errorCode('backup b2', await backupInput())).toBe('conflict')
      await result('start start-1', { release: 'v42' })
      expect(await errorCode('backup b3', await backupInput({ volumes: ['uploads'] }))).toBe('unavailable')
      expect(seen).toEqual([])
    })

    test.each([
      ['no address', { upload_url: undefined }],
      ['an address of another kind', { upload_url: 'file:///etc/shadow' }],
      ['an address with a quote', { upload_url: 'http://a/"\noutput = "/etc/passwd' }],
      ['another recipient', { recipient: '-o/etc/passwd' }],
      ['a name that is a path', { dumps: [{ ...DUMP, name: '../x' }] }],
      ['a service that is an option', { dumps: [{ ...DUMP, service: '--all' }] }],
      ['a command that is a line', { dumps: [{ ...DUMP, command: 'cat' }] }],
      ['a command of nothing', { dumps: [{ ...DUMP, command: [] }] }],
      ['a volume that is a path', { volumes: ['../../etc'] }],
      ['volumes that are none', { volumes: 'uploads' }],
      ['nothing to carry', { dumps: [], volumes: [] }],
    ])('with %s is refused', async (_, change) => {
      appWithData()
      expect(await errorCode('backup b1', await backupInput(change))).toBe('invalid')
      expect(calls('curl')).toBe(0)
    })

    test('hands a command its arguments to the byte', async () => {
      appWithData()
      const nasty = [`it's`, '$HOME', '`id`', '"', '\\', ' two  words ', '*', 'é\nline']
      const command = ['sh', '-c', 'printf "%s|" "$@"', 'sh', ...nasty]
      await result('backup b1', await backupInput({ dumps: [{ ...DUMP, command }], volumes: [] }))
      const decrypter = new Decrypter()
      decrypter.addIdentity(identity)
      const tar = Buffer.from(await decrypter.decrypt(stored())).toString()
      expect(tar).toContain(`${nasty.join('|')}|`)
    })

    test.each(['age', 'tar'])('is not uploaded when %s does not get to its end', async (name) => {
      appWithData()
      program(name, `#!/bin/sh\n${Bun.which(name)} "$@" | head -c 100\nexit 2\n`)
      expect(await errorCode('backup b1', await backupInput())).toBe('unavailable')
      expect(seen).toEqual([])
    })

    test('that the storage does not take is worth another try', async () => {
      appWithData()
      front.faults.add({ provider: 's3', verb: '*', kind: 'refuse', times: 1, code: 'AccessDenied' })
      expect(await errorCode('backup b1', await backupInput())).toBe('unavailable')
      expect(await result('backup b2', await backupInput())).toMatchObject({ size_bytes: stored().length })
    })
  })

  describe('restore', () => {
    async function backedUp() {
      appWithData()
      return (await result('backup b1', await backupInput())).sha256
    }
    async function changedSince() {
      put('database', 'other rows\n')
      put('volumes/uploads/newer', 'x')
      rmSync(at('volumes/uploads/deep'), { recursive: true })
      chmodSync(at('volumes/uploads'), 0o700)
    }

    test('brings back what was there, no more and no less, and leaves the app stopped', async () => {
      const sha256 = await backedUp()
      await changedSince()
      put('running-app')
      const { last, logs } = await agent('restore r1', await restoreInput(sha256))
      expect(last.result).toEqual({})
      expect(logs).toEqual([
        'Downloading',
        'Decrypting',
        'Replacing volume uploads',
        'Replacing volume empty',
        'Restoring main-db',
      ])
      expect(written('database')).toBe('the rows\n')
      expect(readdirSync(at('volumes/uploads'), { recursive: true }).sort()).toEqual(
        ['-rf', 'a file', 'deep', 'deep/.hidden', 'link'].sort(),
      )
      expect(written('volumes/uploads/link')).toBe('one')
      expect(statSync(at('volumes/uploads/a file')).mode & 0o777).toBe(0o640)
      expect(statSync(at('volumes/uploads')).mode & 0o777).toBe(0o751)
      expect(readdirSync(at()).filter((name) => name.startsWith('running-'))).toEqual([])
      expect(await result('start s2', { release: 'v42' })).toMatchObject({ release: 'v42' })
    })

    test('works on a new server, before the first start', async () => {
      const sha256 = await backedUp()
      for (const path of ['state/app/release', 'volumes', 'database']) rmSync(at(path), { recursive: true })
      mkdirSync(at('volumes'))
      // Nothing is there yet, also not the image of the service that takes the dump.
      const registry = { host: 'ghcr.io', username: 'atlas', password: 'canary-7a21' }
      await result('restore r1', await restoreInput(sha256, { registry }))
      expect(JSON.parse(written('logins'))).toEqual({
        auths: { 'ghcr.io': { auth: btoa('atlas:canary-7a21') } },
      })
      expect([written('database'), written('volumes/uploads/a file')]).toEqual(['the rows\n', 'one'])
      expect(written('calls')).toContain('--label com.docker.compose.volume=uploads app_uploads')
    })

    test.each([
      ['is not the one that was expected', 'conflict', { sha256: '0'.repeat(64) }],
      ['lacks a part', 'conflict', { volumes: ['other'] }],
      ['opens with another key', 'conflict', { identity: other }],
    ])('touches nothing when the backup %s', async (_, code, change) => {
      const sha256 = await backedUp()
      await changedSince()
      put('running-app')
      expect(await errorCode('restore r1', { ...(await restoreInput(sha256)), ...change })).toBe(code)
      expect([written('database'), written('volumes/uploads/newer')]).toEqual(['other rows\n', 'x'])
      expect(existsSync(at('running-app'))).toBe(true)
      expect(existsSync(at('state/work'))).toBe(false)
      expect(await result('start s2', { release: 'v42' })).toMatchObject({ release: 'v42' })
    })

    test('touches nothing when the backup cannot be unpacked to its end', async () => {
      const sha256 = await backedUp()
      await changedSince()
      program('tar', '#!/bin/sh\ncat >/dev/null\nexit 2\n')
      expect(await errorCode('restore r1', await restoreInput(sha256))).toBe('conflict')
      expect([written('database'), written('volumes/uploads/newer')]).toEqual(['other rows\n', 'x'])
    })

    test('tells a backup that is gone from a storage that does not answer', async () => {
      const sha256 = await backedUp()
      front.faults.add({ provider: 's3', verb: '*', kind: 'refuse', times: 1, code: 'AccessDenied' })
      expect(await errorCode('restore r1', await restoreInput(sha256))).toBe('unavailable')
      await objects.delete('t/1.age')
      expect(await errorCode('restore r2', await restoreInput(sha256))).toBe('not_found')
    })

    test('that failed or was interrupted half-way keeps the app stopped until one is complete', async () => {
      const sha256 = await backedUp()
      put('state/app/no-return', 'v43')
      const failing = { restores: [{ ...RESTORE, command: ['sh', '-c', 'echo why >&2; exit 3'] }] }
      const { last, logs } = await agent('restore r1', await restoreInput(sha256, failing))
      expect([last.error?.code, logs.at(-1)]).toEqual(['unavailable', 'why'])
      // Which data the former release can't live with is forgotten with that data, and not before.
      expect(existsSync(at('state', 'app', 'no-return'))).toBe(true)
      expect(await errorCode('start s2', { release: 'v42' })).toBe('conflict')
      expect(await errorCode('backup b2', await backupInput())).toBe('conflict')
      await result('restore r2', await restoreInput(sha256))
      expect(existsSync(at('state', 'app', 'no-return'))).toBe(false)
      expect(await result('start s3', { release: 'v42' })).toMatchObject({ release: 'v42' })
    })

    test('carries what the data went through to another server, where the former release is not started either', async () => {
      mkdirSync(at('state/app'), { recursive: true })
      put('state/app/no-return', 'v43')
      const sha256 = await backedUp()
      rmSync(at('state/app/no-return'))
      await result('restore r1', await restoreInput(sha256))
      expect(await errorCode('start s2', { release: 'v42' })).toBe('conflict')
      expect(await result('start s3', { release: 'v43', lives_with: ['v43'] })).toMatchObject({
        release: 'v43',
      })
    })

    test.each([
      ['an identity that is none', { identity: 'AGE-SECRET-KEY-1' }],
      ['a digest that is none', { sha256: 'x' }],
      ['an address that is none', { download_url: '-o/etc/passwd' }],
      ['nothing to restore', { restores: [], volumes: [] }],
      ['a registry that is a path', { registry: { host: '../x', username: 'a', password: 'b' } }],
    ])('with %s is refused', async (_, change) => {
      appWithData()
      expect(await errorCode('restore r1', await restoreInput('0'.repeat(64), change))).toBe('invalid')
    })
  })

  describe('rotate', () => {
    const SECRET = 'canary-9d2e "$HOME" \\ `id`'
    const hook = {
      name: 'PASSWORD',
      service: 'db',
      command: ['sh', '-c', 'printf %s "$NEW_VALUE" >"$FAKE/told"'],
    }
    const input = (change: object = {}) => ({
      compose: COMPOSE,
      env: { PASSWORD: SECRET },
      hooks: [hook],
      ...change,
    })

    test('tells the service of its new secret, then writes the settings', async () => {
      appWithData()
      const { last, text } = await agent('rotate r1', input())
      const hash = new Bun.CryptoHasher('sha256').update(`${COMPOSE}PASSWORD=${SECRET}\n`).digest('hex')
      expect(last.result).toEqual({ sha256: hash })
      expect(written('told')).toBe(SECRET)
      expect(written('state/app/app.env')).toBe(`PASSWORD=${SECRET}\n`)
      const command = readdirSync(at('state/commands/r1')).map((name) => written('state/commands/r1', name))
      expect([text, written('calls'), ...command].join('\n')).not.toContain('canary-9d2e')
      expect(await result('rotate r2', input())).toEqual({ sha256: hash })
    })

    test('changes no settings when a service does not take its secret, and repeats nothing it says', async () => {
      appWithData()
      const quoting = { ...hook, command: ['sh', '-c', 'echo "near $NEW_VALUE" >&2; exit 1'] }
      const { last, text } = await agent('rotate r1', input({ hooks: [quoting] }))
      expect(last.error?.code).toBe('unavailable')
      expect(text).not.toContain('canary-9d2e')
      expect(written('state/app/app.env')).toBe('GREETING=hello\n')
    })

    test('without hooks writes the settings alone', async () => {
      await settle()
      await result('rotate r1', input({ hooks: [] }))
      expect(existsSync(at('calls'))).toBe(false)
      expect(written('state/app/app.env')).toContain('PASSWORD=')
    })

    test.each([
      ['of a secret that is not there', { hooks: [{ ...hook, name: 'OTHER' }] }],
      ['that are no list', { hooks: {} }],
      ['without a command', { hooks: [{ ...hook, command: undefined }] }],
    ])('refuses hooks %s', async (_, change) => {
      appWithData()
      expect(await errorCode('rotate r1', input(change))).toBe('invalid')
      expect(written('state/app/app.env')).toBe('GREETING=hello\n')
    })

    test('is refused where no settings have been delivered', async () => {
      expect(await errorCode('rotate r1', input())).toBe('conflict')
    })
  })

  test('commands that take long run one after the other', async () => {
    appWithData()
    put('slow')
    const backup = spawn(['backup b1'], JSON.stringify(await backupInput()))
    const start = spawn(['start s2'], '{"release":"v43"}')
    await Promise.all([backup.exited, start.exited])
    const pull = written('calls').lastIndexOf(' pull')
    const between = written('calls').slice(pull, written('calls').lastIndexOf(' up --detach --remove'))
    expect(between).not.toMatch(/^(age|curl)/m)
  })
}
