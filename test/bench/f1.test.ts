import { expect, test } from 'bun:test'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { testWith } from '../needs.ts'
import { byAtlas, byLoop, measure } from './f1.ts'
import { type Machines, withMachines } from './sshd.ts'

testWith('sshd', 'a few machines are deployed to by both', async () => {
  const { line } = await measure({ machines: 2, rounds: 1 })
  expect(line).toMatch(/^wall_ratio=\d+\.\d{3} cpu_ratio=\d+\.\d{3}$/)
})

testWith('sshd', 'both give a machine the same work', async () => {
  const [atlas, loop] = [await workBy(byAtlas), await workBy(byLoop)]
  expect(atlas.release).toBe('v2')
  expect(JSON.parse(atlas['v2-deploy.json'] ?? '')).toMatchObject({ release: 'v2', health: { answers: 3 } })
  expect(loop).toEqual(atlas)
})

testWith('sshd', 'both leave a machine with another host key alone', async () => {
  await withMachines(2, async (machines) => {
    const [one, other] = machines.targets
    const targets = [{ ...one!, hostKeys: other!.hostKeys }]
    await expect(byAtlas({ ...machines, targets }, 'v2')).rejects.toMatchObject({
      vendorCode: 'host_key_mismatch',
    })
    await expect(byLoop({ ...machines, targets }, 'v2')).rejects.toThrow('Host key verification failed')
    expect(machines.releaseOf(one!)).toBe('none')
  })
})

testWith('sshd', 'nothing is left of the machines, also when the measuring fails', async () => {
  let seen: Machines | undefined
  const measuring = withMachines(2, async (machines) => {
    seen = machines
    expect(await isListening(machines)).toBe(true)
    throw new Error('no figures')
  })
  await expect(measuring).rejects.toThrow('no figures')
  expect(existsSync(seen!.folder)).toBe(false)
  expect(await isListening(seen!)).toBe(false)
})

testWith('shellcheck', 'the stand-in agent passes shellcheck', (shellcheck) => {
  const { stdout } = Bun.spawnSync([shellcheck, join(import.meta.dir, 'stand-in-agent.sh')])
  expect(stdout.toString()).toBe('')
})

test('the stand-in agent knows no other command', () => {
  const agent = Bun.spawnSync([join(import.meta.dir, 'stand-in-agent.sh'), import.meta.dir, 'delete x-1'])
  expect([agent.exitCode, agent.stdout.toString()]).toEqual([1, ''])
})

/** What a new machine was told, by file. */
function workBy(way: typeof byAtlas): Promise<Record<string, string>> {
  return withMachines(1, async (machines) => {
    const { wallMs, cpuMs } = await way(machines, 'v2')
    expect([wallMs > 200, cpuMs > 0]).toEqual([true, true])
    const machine = join(machines.folder, machines.targets[0]!.address)
    const names = readdirSync(machine).filter((name) => name === 'release' || name.endsWith('.json'))
    return Object.fromEntries(names.map((name) => [name, readFileSync(join(machine, name), 'utf8')]))
  })
}

function isListening({ targets, port }: Machines): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, targets[0]!.address, () => resolve(true))
    socket.on('error', () => resolve(false)).on('connect', () => socket.destroy())
  })
}
