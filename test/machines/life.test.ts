import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { connect } from 'node:net'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { getBackup } from '../../src/backups/backup'
import { identityOf } from '../../src/backups/key'
import { backUpTenant } from '../../src/backups/recipe'
import { restoreTenant } from '../../src/backups/restore'
import { dnsRecords } from '../../src/db/schema'
import { deleteTenant } from '../../src/lifecycle/deletion'
import { moveToNewServer } from '../../src/lifecycle/move'
import { rotateSecrets } from '../../src/lifecycle/secret-rotation'
import { resumeTenant, suspendTenant } from '../../src/lifecycle/suspension'
import { openConnection } from '../../src/providers/ssh/connection'
import { generateHostKey, parsePrivateKey } from '../../src/providers/ssh/keys'
import { readSecrets } from '../../src/tenants/secrets'
import { describeOn } from '../needs'
import { findGround } from './ground'
import { Operator } from './operator'
import { LOGIN } from './outside/registry'
import { shipReleases, shipThroughACut } from './shipping'

const NOTE = join(import.meta.dir, 'image/note')
const OPEN_TIMEOUT_MS = 600_000
const TIMEOUT_MS = 300_000

// One story, told in order: what a test leaves is what the next one finds.
describeOn(await findGround(), 'real machines', (ground) => {
  let operator: Operator
  let ada = ''
  let bob = ''

  beforeAll(async () => {
    operator = await Operator.begin(ground)
  }, OPEN_TIMEOUT_MS)
  afterAll(async () => {
    await operator?.leave().finally(ground.leave)
  }, TIMEOUT_MS)

  const step = (title: string, body: () => Promise<void>) => test(title, body, TIMEOUT_MS)
  const write = (path: string, body: string, method = 'POST') => operator.visit(ada, path, { method, body })
  const notes = async () => (await operator.visit(ada, '/notes')).text
  const picture = async () => (await operator.visit(ada, '/picture')).text
  const backUp = (method: 'app' | 'image') =>
    operator.have(ada, (tx, services, id, asked) =>
      backUpTenant(tx, services, id, { ...asked, reason: 'by_hand', method }),
    )
  const restore = (backupId: string) =>
    operator.have(ada, (tx, services, id, asked) => restoreTenant(tx, services, id, { ...asked, backupId }))

  step('who has paid gets a site of their own, with its own certificate', async () => {
    ada = await operator.sell('ada')
    bob = await operator.sell('bob')
    await operator.settled(ada)
    await operator.settled(bob)
    expect(await operator.visit(ada, '/health')).toEqual({ status: 200, text: 'v1' })
    expect(await operator.visit(bob, '/health')).toEqual({ status: 200, text: 'v1' })
    await expect(operator.visit(ada, '/health', {}, operator.addressOf(bob))).rejects.toThrow()
    expect(await operator.onMachine(ada, 'cloud-init schema --system')).toContain('Valid schema user-data')
  })

  step('settings arrive byte for byte', async () => {
    const environment = await operator.onMachine(
      ada,
      `docker inspect --format '{{json .Config.Env}}' $(docker ps --quiet --filter label=com.docker.compose.service=app)`,
    )
    expect(JSON.parse(environment)).toContain('MOTTO=it\'s a $HOME \\ "quoted" # `word` €')
  })

  step('behind SSH is the agent and nothing else', async () => {
    const target = operator.targetOf(ada)
    const { services, yard } = operator
    const key = parsePrivateKey(yard.sshKey.privateKey)
    const options = { key, user: 'atlas', port: 22, clock: services.clock, connectTimeoutMs: 10_000 }
    const connection = await openConnection(target, options)
    const channel = await connection.exec('id; touch /tmp/anything')
    channel.end('{}')
    expect(await new Response(Readable.toWeb(channel) as ReadableStream).text()).toStartWith('{"error":')
    connection.end()
    expect(await operator.onMachine(ada, 'ls /tmp')).not.toContain('anything')
    const settings = await operator.onMachine(ada, 'sshd -T')
    for (const line of ['allowusers atlas', 'permitrootlogin no', 'passwordauthentication no'])
      expect(settings).toContain(line)
    const stranger = { ...target, hostKeys: [generateHostKey().publicKey] }
    const command = { verb: 'status' as const, commandId: 'stranger', input: {} }
    services.machines.close()
    const refused = { code: 'conflict', vendorCode: 'host_key_mismatch' }
    await expect(services.machines.run(stranger, command)).rejects.toMatchObject(refused)
  })

  step('the metadata address answers root and nobody else, least of all the app', async () => {
    const metadata = '169.254.169.254'
    const other = operator.addressOf(bob)
    // Bob's machine answers there, so that only a rule can be why somebody hears nothing.
    await operator.onMachine(bob, `ip address add ${metadata}/32 dev eth0`)
    await operator.onMachine(ada, `ip route add ${metadata} via ${other}`)
    const says = (command: string) =>
      operator.onMachine(ada, `if ${command}; then echo yes; else echo no; fi`)
    const curl = `curl --silent --max-time 3 --output /dev/null http://${metadata}/`
    const inApp = (address: string) =>
      `docker exec app-app-1 sh -c 'echo | nc -w 3 ${address} 80' >/dev/null 2>&1`
    expect(await says(curl)).toBe('yes')
    expect(await says(`setpriv --reuid nobody --regid nogroup --clear-groups ${curl}`)).toBe('no')
    expect(await says(inApp(other))).toBe('yes')
    expect(await says(inApp(metadata))).toBe('no')
    await operator.onMachine(ada, 'nft flush chain inet atlas forward')
    expect(await says(inApp(metadata))).toBe('yes')
    await operator.onMachine(ada, 'nft --file /etc/atlas/firewall.nft')
  })

  step('only SSH and the web are open, whatever listens', async () => {
    await operator.onMachine(ada, 'systemd-run --quiet python3 -m http.server 9999')
    await operator.until(async () => (await operator.onMachine(ada, 'curl --silent localhost:9999')) !== '')
    const address = operator.addressOf(ada)
    const answers = await Promise.all([22, 80, 443, 8080, 9999].map((port) => isOpen(address, port)))
    expect(answers).toEqual([true, true, true, false, false])
    await operator.onMachine(ada, 'nft delete table inet atlas')
    expect(await isOpen(address, 9999)).toBe(true)
    await operator.onMachine(ada, 'nft --file /etc/atlas/firewall.nft')
  })

  step('a command goes on when the connection breaks, and the same id finds it again', async () => {
    const { machines } = operator.services
    const target = operator.targetOf(ada)
    const { registry } = operator.services.settings
    const command = { verb: 'start' as const, commandId: 'broken-off', input: { release: 'v1', registry } }
    const cut = machines.run(target, command, { onLog: () => machines.close(target.address) })
    await expect(cut).rejects.toMatchObject({ code: 'unavailable', outcome: 'unknown' })
    const { result } = await machines.run(target, command)
    expect(result).toEqual({ release: 'v1', digest: operator.yard.digests.v1 })
    const told = await operator.onMachine(ada, 'cat /var/lib/atlas/commands/broken-off/output')
    expect(told.match(/Starting release/g)).toHaveLength(1)
  })

  shipReleases({
    step,
    get operator() {
      return operator
    },
    get ada() {
      return ada
    },
    get bob() {
      return bob
    },
  })

  describe('while all programs on the machine are watched,', () => {
    const secrets = () =>
      Object.values(readSecrets(operator.services.db.read, operator.services, operator.tenant(ada)))
    let known: string[] = []

    beforeAll(async () => {
      known = secrets()
      await operator.yard.docker.call('cp', NOTE, `${operator.containerOf(ada)}:/usr/local/lib/note`)
      // The agent, by way of sudo, looks there first.
      const stand = 'for program in *; do ln -s ../lib/note "/usr/local/bin/$program"; done'
      await operator.onMachine(ada, `cd /usr/bin && ${stand}`)
    }, TIMEOUT_MS)

    step('a deploy goes on when its connection breaks, and nothing runs twice', () =>
      shipThroughACut(operator, ada),
    )

    step('a suspended site shows its holding page, and comes back as it was', async () => {
      await write('/notes', 'first')
      await write('/picture', 'sunrise', 'PUT')
      await operator.have(ada, (tx, services, id, asked) =>
        suspendTenant(tx, services, id, { ...asked, because: 'operator' }),
      )
      const page = await operator.visit(ada, '/')
      expect(page.status).toBe(503)
      expect(page.text).toContain('This site is paused')
      await operator.have(ada, resumeTenant)
      expect([await notes(), await picture()]).toEqual(['first', 'sunrise'])
    })

    step('a backup is unreadable in the storage, and brings dumps and volumes back', async () => {
      const { backupId } = await backUp('app')
      const [stored] = operator.yard.clouds.s3.stored()
      const bytes = Buffer.from(stored?.body ?? '', 'base64')
      expect(bytes.toString('latin1')).toStartWith('age-encryption.org/v1')
      expect(bytes.includes('first')).toBe(false)
      await write('/notes', 'second')
      await write('/picture', 'sunset', 'PUT')
      await restore(backupId)
      expect([await notes(), await picture()]).toEqual(['first', 'sunrise'])
      expect(await operator.onMachine(ada, 'ls /var/lib/atlas')).not.toContain('work')
    })

    step('rotated secrets hold in the app and in its database', async () => {
      const password = () =>
        operator.onMachine(ada, 'cat /var/lib/docker/volumes/app_database/_data/password')
      const before = await password()
      await operator.have(ada, rotateSecrets)
      expect(await password()).not.toBe(before)
      expect(await notes()).toBe('first')
    })

    step('no secret is an argument', async () => {
      await operator.onMachine(ada, 'find /usr/local/bin -lname ../lib/note -delete')
      const seen = await operator.onMachine(ada, 'cat /run/arguments')
      for (const program of [
        'curl --config -',
        'age --encrypt',
        'age --decrypt',
        'docker exec',
        'docker pull',
      ])
        expect(seen).toContain(program)
      known.push(...secrets(), identityOf(operator.services, ada), 'X-Amz-Signature')
      known.push(LOGIN.password, btoa(`${LOGIN.username}:${LOGIN.password}`))
      expect(known.length).toBeGreaterThan(8)
      expect(known.filter((secret) => seen.includes(secret))).toEqual([])
    })
  })

  step('an image of the disk is another way back', async () => {
    const { backupId } = await backUp('image')
    await operator.yard.driver.settled()
    await write('/notes', 'second')
    await restore(backupId)
    expect(await notes()).toBe('first')
  })

  step('after a power cut a machine serves again without Atlas', async () => {
    operator.yard.driver.cutPower(operator.serverIdOf(ada))
    await operator.yard.driver.settled()
    await operator.until(async () => (await operator.visit(ada, '/health')).status === 200)
    expect(await notes()).toBe('first')
    expect(
      await operator.onMachine(ada, 'systemctl --failed --quiet && nft list table inet atlas'),
    ).toContain('drop')
  })

  step('a power cut in the middle of a backup costs nothing but time', async () => {
    const { clouds, driver } = operator.yard
    clouds.front.faults.add({ provider: 's3', verb: 'PutObject', kind: 'timeout', times: 1 })
    const { runId, backupId } = operator.ask(ada, (tx, services, id, asked) =>
      backUpTenant(tx, services, id, { ...asked, reason: 'by_hand', method: 'app' }),
    )
    const output = `/var/lib/atlas/commands/${runId}-backup*/output`
    await operator.until(async () => (await operator.onMachine(ada, `cat ${output}`)).includes('Uploading'))
    driver.cutPower(operator.serverIdOf(ada))
    await operator.settled(ada)
    expect(getBackup(operator.services.db.read, backupId).status).toBe('complete')
    expect(await operator.onMachine(ada, 'ls /var/lib/atlas')).not.toContain('work')
    expect(await notes()).toBe('first')
  })

  step('a move to another server takes everything along', async () => {
    const before = operator.addressOf(ada)
    await operator.have(ada, moveToNewServer)
    expect(operator.addressOf(ada)).not.toBe(before)
    expect([await notes(), await picture()]).toEqual(['first', 'sunrise'])
  })

  step('after a deletion nothing is left but the last backup', async () => {
    await operator.have(bob, (tx, services, id, asked) =>
      deleteTenant(tx, services, id, { ...asked, coolOffDays: 0, withImage: false }),
    )
    await operator.yard.driver.settled()
    expect(operator.tenant(bob).status).toBe('deleted')
    const containers = await ground.docker.call('ps', '--all', '--format', '{{.Names}}')
    expect(containers.split('\n')).toEqual([operator.containerOf(ada)])
    const { db } = operator.services
    const records = db.read.select().from(dnsRecords).all()
    expect(records.filter(({ tenantId }) => tenantId === bob).every(({ deletedAt }) => deletedAt)).toBe(true)
    expect(operator.yard.clouds.route53.resolve('bob.sites.example.net')).toBeUndefined()
    expect(operator.yard.clouds.s3.stored().some(({ key }) => key.includes(bob))).toBe(true)
  })
})

/** Whether a stranger gets a connection. */
function isOpen(host: string, port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const socket = connect({ host, port, timeout: 2_000 })
  for (const no of ['error', 'timeout']) socket.once(no, () => resolve(false))
  socket.once('connect', () => resolve(true))
  return promise.finally(() => socket.destroy())
}
