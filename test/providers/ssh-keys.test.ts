import { describe, expect, test } from 'bun:test'
import { utils } from 'ssh2'
import { generateHostKey, publicKeyOf, sameKey } from '../../src/providers/ssh/keys'
import { linesOf, readReply } from '../../src/providers/ssh/reply'

describe('host keys', () => {
  test('are derived from the seed as RFC 8032 says', () => {
    const seed = Buffer.from('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60', 'hex')
    const { publicKey } = generateHostKey((size) => seed.subarray(0, size))
    const half = Buffer.from(publicKey.split(' ')[1] ?? '', 'base64').subarray(-32)
    expect(half.toString('hex')).toBe('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a')
  })

  test('parse, sign and verify, also when the public half begins with a zero byte', () => {
    const zeros = Array.from({ length: 2_000 }, (_, number) => generateHostKey(seeded(number))).filter(
      ({ publicKey }) => Buffer.from(publicKey.split(' ')[1] ?? '', 'base64').at(-32) === 0,
    )
    expect(zeros.length).toBeGreaterThan(0)
    for (const { privateKey, publicKey } of zeros) {
      const key = utils.parseKey(privateKey)
      if (key instanceof Error) throw key
      expect(publicKeyOf(privateKey)).toBe(publicKey)
      const signature = key.sign('data')
      const reader = utils.parseKey(publicKey)
      if (reader instanceof Error || signature instanceof Error) throw new Error('unreadable')
      expect(reader.verify('data', signature)).toBe(true)
    }
  })

  test('are equal whatever comment follows', () => {
    expect(sameKey('ssh-ed25519 AAAA root@x', ' ssh-ed25519  AAAA')).toBe(true)
    expect(sameKey('ssh-ed25519 AAAA', 'ssh-ed25519 AAAB')).toBe(false)
  })
})

describe('a private key', () => {
  const { privateKey, publicKey } = generateHostKey()

  test('may have its line breaks written as \\n', () => {
    expect(publicKeyOf(privateKey.trim().replaceAll('\n', '\\n'))).toBe(publicKey)
  })

  test('that cannot be used is explained without being shown', () => {
    const encrypted = utils.generateKeyPairSync('ecdsa', {
      bits: 256,
      passphrase: 'x',
      cipher: 'aes256-ctr',
    }).private
    const rsa = utils.generateKeyPairSync('rsa', { bits: 1024 }).private
    for (const [key, words] of [
      ['  ', 'is empty'],
      [rsa, 'of type ssh-rsa; Atlas needs one made by ssh-keygen -t ed25519'],
      [publicKey, 'public half'],
      [encrypted, 'passphrase'],
      [privateKey.replace('OPENSSH', 'OPENSHH'), 'cannot be read'],
      [privateKey.slice(0, 200), 'cannot be read'],
      [privateKey.replaceAll('\n', ''), 'cannot be read'],
    ] as const) {
      expect(() => publicKeyOf(key)).toThrow(words)
      try {
        publicKeyOf(key)
      } catch (thrown) {
        expect(String(thrown)).not.toContain(privateKey.slice(40, 80))
      }
    }
  })
})

describe('output of the agent', () => {
  async function* chunks(...parts: (string | Buffer)[]) {
    for (const part of parts) yield Buffer.from(part)
  }

  test('is cut into lines wherever the chunks are cut', async () => {
    const bytes = Buffer.from('{"log":"äöü €"}\n\n{"result":{"a":1}}')
    for (let cut = 0; cut <= bytes.length; cut++) {
      const logs: string[] = []
      const end = await readReply(chunks(bytes.subarray(0, cut), bytes.subarray(cut)), (line) =>
        logs.push(line),
      )
      expect([logs, end]).toEqual([['äöü €'], { result: { a: 1 } }])
    }
  })

  test('without a result is null, and the last result counts', async () => {
    expect(
      await readReply(chunks('{"log":"x"}\n', '[]\n', '{"error":{"code":"odd","message":""}}\n')),
    ).toBeNull()
    expect(await readReply(chunks('{"result":{"n":1}}\n{"result":{"n":2}}\n'))).toEqual({ result: { n: 2 } })
  })

  test('says nothing to the terminal of whoever reads it', async () => {
    const lines: string[] = []
    const said = { log: '\u001b[31mred\u001b[0m\tand\u0007 \u001b]0;title\u0007done' }
    const refused = { error: { code: 'conflict', message: 'No.\r\n\u001b[2JAll is well.' } }
    const output = `${JSON.stringify(said)}\n\u001b[1mraw\n${JSON.stringify(refused)}\n`
    const end = await readReply(chunks(output), (line) => lines.push(line))
    expect(lines).toEqual(['red and done', 'raw'])
    expect(end).toEqual({ error: { code: 'conflict', message: 'No. All is well.' } })
  })

  test('is bounded by the line and as a whole', async () => {
    const lines = async (...parts: string[]) => {
      for await (const line of linesOf(chunks(...parts))) if (!line) throw new Error('an empty line')
    }
    await expect(lines('x'.repeat(300_000))).rejects.toThrow('more than Atlas reads')
    const many = Array.from({ length: 100 }, () => `${'x'.repeat(50_000)}\n`)
    await expect(lines(...many)).rejects.toThrow('more than Atlas reads')
    await expect(lines(...many.slice(0, 50))).resolves.toBeUndefined()
  })
})

/** Bytes that depend on a number alone. */
function seeded(number: number) {
  return (size: number) => new Bun.CryptoHasher('sha512').update(String(number)).digest().subarray(0, size)
}
