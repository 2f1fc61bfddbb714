import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SystemClock } from '../../src/clock'
import type { AgentVerb } from '../../src/providers/machines'
import { createMachines } from '../../src/providers/ssh'
import { generateHostKey } from '../../src/providers/ssh/keys'
import { type Machines, withMachines } from '../bench/sshd'
import { testWith } from '../needs'

/** What a shell, ssh or a reader of lines would take for something else, and then make the file `pwned`. */
const wordsFor = (pwned: string) => [
  `$(touch ${pwned})`,
  `\`touch ${pwned}\``,
  `; touch ${pwned}`,
  `'; touch ${pwned}; '`,
  `"; touch ${pwned}; "`,
  `& touch ${pwned} &`,
  `| touch ${pwned}`,
  `a\ntouch ${pwned}`,
  `a\r\nstatus b`,
  `-oProxyCommand=touch ${pwned}`,
  `--help`,
  `../../etc/passwd`,
  `$HOME \${PATH} %s %n \\ \\\\ * ? [a] ~ ! #`,
  `\t \u0001 \u001b[31m 漢字 🙂 é \u2028`,
  '"}\n{"result":{}}',
]

/** Every verb with every field that Atlas gives it; a word stands for each text. */
const inputsWith = (word: string): Record<AgentVerb, Record<string, unknown>> => {
  const command = [{ name: word, service: word, command: ['sh', word] }]
  const images = [{ image: word, digest: word }]
  const registry = { host: word, username: word, password: word }
  const release = { release: word, images, registry, migrate: { service: word, command: [word] } }
  return {
    status: {},
    'host-key': { action: word, public_key: word },
    settings: { compose: word, env: { [word]: word } },
    start: release,
    stop: { holding: { title: word, message: word } },
    logs: { lines: word },
    backup: { upload_url: word, recipient: word, dumps: command, volumes: [word] },
    restore: { download_url: word, identity: word, sha256: word, restores: command, volumes: [word] },
    rotate: { compose: word, env: { A: word }, hooks: command },
    deploy: {
      ...release,
      former: { release: word, images },
      health: { path: word, host: word, expect_status: 200 },
      smoke: { path: word, expect_status: 200, contains: word },
    },
    update: { script: word, script_sha256: word },
  }
}

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'atlas-attacks-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

/** A program that writes down its arguments, each ended by NUL, and its standard input. */
function recorder(): string {
  const program = join(folder, 'recorder')
  const lines = [
    '#!/bin/sh',
    `number=$(ls ${folder} | grep -c argv)`,
    `printf '%s\\0' "$@" >${folder}/argv-$number`,
    `cat >${folder}/stdin-$number`,
    `echo '{"result":{}}'`,
  ]
  writeFileSync(program, `${lines.join('\n')}\n`)
  chmodSync(program, 0o755)
  return program
}

/** Has a machine's sshd run something for whoever logs in; a shell when it is empty. */
function force({ folder, targets: [target] }: Machines, options: string): void {
  const file = join(folder, target!.address, 'authorized_keys')
  const key = /ssh-ed25519 .*/.exec(readFileSync(file, 'utf8'))?.[0] ?? ''
  writeFileSync(file, `${options} ${key}\n`)
}

function clientOf({ privateKey, port, user }: Machines) {
  return createMachines({ privateKey, port, user, clock: new SystemClock() })
}

describe('words that a shell would take for its own', () => {
  testWith(
    'sshd',
    'reach a real sshd’s command in no argument, and its standard input to the byte',
    async () => {
      const pwned = join(folder, 'PWNED')
      await withMachines(1, async (machines) => {
        force(machines, `command="${recorder()} \\"$SSH_ORIGINAL_COMMAND\\"",restrict`)
        const client = clientOf(machines)
        const sent = wordsFor(pwned).flatMap((word, at) =>
          Object.entries(inputsWith(word)).map(([verb, input]) => ({
            verb: verb as AgentVerb,
            commandId: `run_01-${verb}-${at}`,
            input,
          })),
        )
        for (const command of sent) await client.run(machines.targets[0]!, command)
        client.close()
        for (const [at, { verb, commandId, input }] of sent.entries()) {
          expect(readFileSync(join(folder, `argv-${at}`)).equals(Buffer.from(`${verb} ${commandId}\0`))).toBe(
            true,
          )
          expect(readFileSync(join(folder, `stdin-${at}`)).equals(Buffer.from(JSON.stringify(input)))).toBe(
            true,
          )
        }
        expect(readdirSync(folder).filter((name) => name.startsWith('argv-'))).toHaveLength(sent.length)
        expect(existsSync(pwned)).toBe(false)
      })
    },
    120_000,
  )

  testWith('sshd', 'are run by a client that puts them into its command line', async () => {
    const pwned = join(folder, 'PWNED-by-a-loop')
    await withMachines(1, async (machines) => {
      force(machines, 'restrict')
      await loop(machines, machines.targets[0]!.address, `echo deploy $(touch ${pwned})`)
      expect(existsSync(pwned)).toBe(true)
    })
  })
})

describe('a host that begins like an option of ssh', () => {
  const proxied = (pwned: string) => `-oProxyCommand=touch ${pwned}`

  test.each([
    proxied('PWNED'),
    '-oProxyCommand=x',
    '-l root',
    'root@127.0.0.1',
    'localhost',
    '127.0.0.1\r\nX: y',
    '127.0.0.1\n',
    ' 127.0.0.1',
    '127.0.0.1 -p 1',
    '$(id)',
    '',
  ])('%j is refused before anything is connected, with a gateway too', async (address) => {
    const { server, port, connections } = await listening()
    const target = { address, hostKeys: [generateHostKey().publicKey] }
    const { privateKey } = generateHostKey()
    for (const gatewayUrl of [undefined, `http://127.0.0.1:${port}`]) {
      const client = createMachines({ privateKey, port, gatewayUrl, clock: new SystemClock() })
      const asked = client.run(target, { verb: 'status', commandId: 'a', input: {} })
      await expect(asked).rejects.toMatchObject({ code: 'invalid' })
    }
    expect(connections()).toBe(0)
    // Control: an address is connected to.
    const client = createMachines({ privateKey, port, clock: new SystemClock(), connectTimeoutMs: 50 })
    const asked = client.run(
      { ...target, address: '127.0.0.1' },
      { verb: 'status', commandId: 'a', input: {} },
    )
    await expect(asked).rejects.toMatchObject({ code: 'unavailable' })
    expect(connections()).toBe(1)
    server.close()
  })

  testWith('sshd', 'is an option for a client that calls ssh with it', async () => {
    const pwned = join(folder, 'PWNED-by-an-option')
    await withMachines(1, async (machines) => {
      await loop(machines, proxied(pwned), 'status')
      expect(existsSync(pwned)).toBe(true)
    })
  })
})

/** The client that these attacks are made for: `ssh HOST COMMAND`. */
async function loop({ folder: keys, port, user }: Machines, host: string, command: string): Promise<void> {
  const options = ['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'BatchMode=yes']
  const argv = ['ssh', '-F', 'none', '-i', join(keys, 'key'), '-p', String(port), '-l', user]
  const all = [...argv, ...options.flatMap((option) => ['-o', option]), host, command]
  await Bun.spawn(all, { stdin: 'ignore', stdout: 'ignore', stderr: 'ignore' }).exited
}

/** A server that counts who connects, and says nothing. */
async function listening(): Promise<{ server: Server; port: number; connections: () => number }> {
  let count = 0
  const server = createServer((socket) => {
    count++
    socket.on('error', () => undefined).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return { server, port: typeof address === 'object' && address ? address.port : 0, connections: () => count }
}
