import { afterEach, describe, expect, test } from 'bun:test'
import { ManualClock, SystemClock } from '../../src/clock'
import type { AgentCommand } from '../../src/providers/machines'
import { createMachines } from '../../src/providers/ssh'
import { commandLine } from '../../src/providers/ssh/command'
import { generateHostKey } from '../../src/providers/ssh/keys'
import { atlasKey, bringUp, openPark, type Park, type ParkOptions, thrownBy } from '../simulator/machine-park'
import { ecdsaKey, refusingGateway, sshServer, type TestServer, tcpServer } from './ssh-server'

const stops: (() => unknown)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

async function open(options?: ParkOptions): Promise<Park> {
  const park = await openPark(options)
  stops.push(() => park.close())
  return park
}

function keep<S extends TestServer>(server: S): S {
  stops.push(() => server.stop())
  return server
}

function client(options: { port?: number; gatewayUrl?: string; clock?: ManualClock }) {
  const machines = createMachines({ privateKey: atlasKey.privateKey, clock: new SystemClock(), ...options })
  stops.push(() => machines.close())
  return machines
}

const status: AgentCommand = { verb: 'status', commandId: 'cmd-1', input: {} }
const home = (hostKeys: string[]) => ({ address: '127.0.0.1', hostKeys })

describe('what goes into the exec request', () => {
  test('is the verb and the id, to the byte', () => {
    expect(commandLine({ verb: 'status', commandId: 'a' })).toBe('status a')
    expect(commandLine({ verb: 'host-key', commandId: 'run_01j-step_2' })).toBe('host-key run_01j-step_2')
    expect(commandLine({ verb: 'start', commandId: 'x'.repeat(64) })).toBe(`start ${'x'.repeat(64)}`)
  })

  test.each(['', 'A', 'a b', 'a;reboot', '$(id)', '`id`', 'a\nstatus b', '../x', 'ä', 'x'.repeat(65), 'a\0'])(
    'refuses the command id %p',
    (commandId) => {
      expect(() => commandLine({ verb: 'status', commandId })).toThrow('command id')
    },
  )

  test('refuses a verb that is not the agent’s, before anything is connected', async () => {
    const park = await open()
    const target = park.create()
    await park.booted(target)
    const verb = 'status; reboot' as AgentCommand['verb']
    expect(() => park.machines.run(target, { ...status, verb })).toThrow('no such verb')
    expect(park.events).toEqual([])
  })
})

describe('the host key', () => {
  test('that is not pinned ends the connection before anything of ours is sent', async () => {
    const park = await open()
    const target = park.create()
    await park.booted(target)
    const pinned = { ...target, hostKeys: [generateHostKey().publicKey] }
    expect(await thrownBy(park.machines.run(pinned, status))).toMatchObject({
      code: 'conflict',
      vendorCode: 'host_key_mismatch',
    })
    expect(park.events).toEqual([{ serverId: '1', kind: 'connection', detail: '' }])
    // Control: the same server, asked with the right key, sees the authentication.
    await park.machines.run(target, status)
    expect(park.saw('authentication')).toBeGreaterThan(0)
  })

  test('may be any of the pinned ones, and a comment behind it does not matter', async () => {
    const park = await open()
    const target = park.create()
    await park.booted(target)
    const pins = [generateHostKey().publicKey, `${target.hostKey.publicKey} root@tenant`]
    expect((await park.machines.run({ ...target, hostKeys: pins }, status)).hostKey).toBe(
      target.hostKey.publicKey,
    )
  })

  test('without any pinned, no connection is made at all', async () => {
    const park = await open()
    const target = park.create()
    await park.booted(target)
    expect(await thrownBy(park.machines.run({ ...target, hostKeys: [] }, status))).toMatchObject({
      vendorCode: 'host_key_mismatch',
    })
    expect(park.events).toEqual([])
  })

  test('of another kind is another host key', async () => {
    const server = keep(await sshServer(() => undefined, ecdsaKey()))
    const machines = client({ port: server.port })
    expect(await thrownBy(machines.run(home([generateHostKey().publicKey]), status))).toMatchObject({
      vendorCode: 'host_key_mismatch',
    })
    expect(server.authentications()).toBe(0)
  })

  test('is checked again for a kept connection: other pins never share it', async () => {
    const park = await open()
    const target = park.create()
    await park.booted(target)
    await park.machines.run(target, status)
    const other = { ...target, hostKeys: [generateHostKey().publicKey] }
    expect(await thrownBy(park.machines.run(other, status))).toMatchObject({
      vendorCode: 'host_key_mismatch',
    })
    expect(park.saw('command')).toBe(1)
  })
})

describe('the kept connection', () => {
  test('serves every command to a server until it was idle for a minute', async () => {
    const clock = new ManualClock()
    const park = await open({ client: { clock } })
    const target = park.create()
    await park.booted(target)
    await park.machines.run(target, status)
    clock.advance(59_000)
    await park.machines.run(target, status)
    clock.advance(59_000)
    await park.machines.run(target, status)
    expect(park.saw('connection')).toBe(1)
    clock.advance(60_000)
    await park.machines.run(target, status)
    expect(park.saw('connection')).toBe(2)
  })

  test('that broke is replaced at the next command', async () => {
    const park = await open()
    const target = park.create()
    await park.booted(target)
    await park.machines.run(target, status)
    park.sim.reboot('1')
    await park.booted(target)
    await Bun.sleep(5)
    expect((await park.machines.run(target, status)).result.ready).toBe(true)
    expect(park.saw('connection')).toBe(2)
  })

  test('closes when asked to, for one server or for all', async () => {
    const park = await open()
    const targets = [park.create(1), park.create(2)]
    for (const target of targets) {
      await park.booted(target)
      await park.machines.run(target, status)
    }
    park.machines.close(targets[0]?.address)
    for (const target of targets) await park.machines.run(target, status)
    expect([park.saw('connection', '1'), park.saw('connection', '2')]).toEqual([2, 1])
  })
})

describe('time', () => {
  test('a server that takes the connection and says nothing: refused after 15 s', async () => {
    const clock = new ManualClock()
    const server = keep(await tcpServer(() => undefined))
    const run = thrownBy(client({ port: server.port, clock }).run(home([atlasKey.publicKey]), status))
    clock.advance(14_999)
    await Bun.sleep(20)
    clock.advance(1)
    expect(await run).toMatchObject({
      code: 'unavailable',
      outcome: 'refused',
      vendorCode: 'connect_timeout',
    })
  })

  test('a gateway that does not answer: refused after 15 s', async () => {
    const clock = new ManualClock()
    const server = keep(await tcpServer(() => undefined))
    const gatewayUrl = `http://127.0.0.1:${server.port}`
    const run = thrownBy(client({ gatewayUrl, clock }).run(home([atlasKey.publicKey]), status))
    await Bun.sleep(20)
    clock.advance(15_000)
    expect(await run).toMatchObject({
      code: 'unavailable',
      outcome: 'refused',
      vendorCode: 'connect_timeout',
    })
  })

  test('a command that does not end: outcome unknown, and a new connection for the next one', async () => {
    const clock = new ManualClock()
    const park = await open({ client: { clock } })
    const target = park.create()
    await park.booted(target)
    park.faults.add({ provider: 'machine', verb: 'status', kind: 'timeout', times: 1 })
    const run = thrownBy(park.machines.run(target, status, { timeoutMs: 5_000 }))
    while (park.saw('command') === 0) await Bun.sleep(1)
    clock.advance(5_000)
    expect(await run).toMatchObject({
      code: 'unavailable',
      outcome: 'unknown',
      vendorCode: 'command_timeout',
    })
    expect((await park.machines.run(target, status)).result.ready).toBe(true)
    expect(park.saw('connection')).toBe(2)
  })
})

describe('trouble on the way', () => {
  test('a connection lost in the middle of a command: outcome unknown', async () => {
    const park = await open({ speed: 20 })
    const target = park.create()
    park.clock.advance(2_000)
    const logs: string[] = []
    const start = thrownBy(bringUp(park, target, logs))
    while (logs.length === 0) await Bun.sleep(1)
    park.sim.kill('1')
    expect(await start).toMatchObject({
      code: 'unavailable',
      outcome: 'unknown',
      vendorCode: 'connection_lost',
    })
  })

  test('nobody listens: refused', async () => {
    expect(await thrownBy(client({ port: 1 }).run(home([atlasKey.publicKey]), status))).toMatchObject({
      code: 'unavailable',
      outcome: 'refused',
      vendorCode: 'ECONNREFUSED',
    })
  })

  test('what answers is no SSH server, or hangs up: refused', async () => {
    for (const talk of ['HTTP/1.1 400 Bad Request\r\n\r\n', '']) {
      const server = keep(await tcpServer((socket) => socket.end(talk)))
      const run = client({ port: server.port }).run(home([atlasKey.publicKey]), status)
      expect(await thrownBy(run)).toMatchObject({ code: 'unavailable', outcome: 'refused' })
    }
  })

  test.each([
    ['502 Bad Gateway', 'unavailable'],
    ['407 Proxy Authentication Required', 'unauthorized'],
    ['403 Forbidden', 'conflict'],
    ['nonsense', 'unavailable'],
  ])('a gateway that answers %p: %s', async (answer, code) => {
    const gateway = keep(await refusingGateway(`HTTP/1.1 ${answer}\r\n\r\n`))
    const machines = client({ gatewayUrl: `http://atlas:s%20cret@127.0.0.1:${gateway.port}` })
    expect(await thrownBy(machines.run(home([atlasKey.publicKey]), status))).toMatchObject({ code })
    expect(gateway.asked).toEqual([`127.0.0.1:22 Basic ${btoa('atlas:s cret')}`])
  })

  test('a gateway that cannot be reached is named as such', async () => {
    const run = client({ gatewayUrl: 'http://127.0.0.1:1' }).run(home([atlasKey.publicKey]), status)
    expect(await thrownBy(run)).toMatchObject({
      outcome: 'refused',
      message: expect.stringContaining('gateway'),
    })
  })

  test('a name in place of an address is refused', async () => {
    const run = client({}).run({ address: 'localhost', hostKeys: [atlasKey.publicKey] }, status)
    expect(await thrownBy(run)).toMatchObject({ code: 'invalid' })
  })
})

describe('the answer', () => {
  const answering = async (run: Parameters<typeof sshServer>[0]) => {
    const server = keep(await sshServer(run))
    const logs: string[] = []
    const machines = client({ port: server.port })
    const reply = machines.run(home(server.hostKeys), status, { onLog: (line) => logs.push(line) })
    return { reply, logs }
  }

  test('comes straight from a server when there is no gateway, with its log', async () => {
    const { reply, logs } = await answering((channel, line) => {
      channel.write(`{"log":"got ${line}"}\nnot of the agent\n{"result":`)
      channel.write('{"ok":true}}\n')
      channel.exit(0)
      channel.end()
    })
    expect((await reply).result).toEqual({ ok: true })
    expect(logs).toEqual(['got status cmd-1', 'not of the agent'])
  })

  test('does not need standard error to be quiet', async () => {
    const { reply } = await answering((channel) => {
      channel.stderr.write('x'.repeat(100_000))
      channel.write('{"result":{}}\n')
      channel.exit(0)
      channel.end()
    })
    expect((await reply).result).toEqual({})
  })

  test.each(['invalid', 'not_found', 'conflict', 'unavailable', 'internal'])(
    'an error %p is ours',
    async (code) => {
      const { reply } = await answering((channel) => {
        channel.end(`${JSON.stringify({ error: { code, message: 'In words.' } })}\n`)
      })
      expect(await thrownBy(reply)).toMatchObject({ code, message: 'In words.', vendorCode: `agent_${code}` })
    },
  )

  test('that is missing: outcome unknown, with the exit code', async () => {
    const { reply } = await answering((channel) => {
      channel.exit(127)
      channel.end()
    })
    expect(await thrownBy(reply)).toMatchObject({
      code: 'unavailable',
      outcome: 'unknown',
      vendorCode: 'exit_127',
    })
  })

  test('without end is cut off', async () => {
    const { reply } = await answering((channel) => {
      const more = () => {
        if (channel.writable) channel.write(`{"log":"${'x'.repeat(10_000)}"}\n`, more)
      }
      more()
    })
    expect(await thrownBy(reply)).toMatchObject({ code: 'internal', vendorCode: 'too_much_output' })
  })

  test('that cannot be handled fails the command and nothing else', async () => {
    const server = keep(await sshServer((channel) => channel.end('{"log":"one"}\n{"result":{}}\n')))
    const machines = client({ port: server.port })
    const onLog = () => {
      throw new Error('the reader broke')
    }
    expect(await thrownBy(machines.run(home(server.hostKeys), status, { onLog }))).toMatchObject({
      message: 'the reader broke',
    })
    expect((await machines.run(home(server.hostKeys), status)).result).toEqual({})
  })
})
