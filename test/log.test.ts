import { describe, expect, test } from 'bun:test'
import { AtlasError, unavailable } from '../src/errors'
import { Log } from '../src/log'
import { generateHostKey } from '../src/providers/ssh/keys'

function open() {
  const lines: string[] = []
  const log = new Log(
    () => Date.UTC(2026, 10, 22, 12),
    (line) => lines.push(line),
  )
  return { log, lines, last: () => JSON.parse(lines.at(-1) ?? 'null') }
}

const SECRETS = {
  plain: 'sk_test_4eC39HqLyjWDarjtT1zdp7dc',
  base64: 'q8Zb+1/4hk0bF0nq3v5dGJwq6Yx2sRr5oPp9Lk7Mj3A=',
  quoted: 'pass"word\\with/odd\tones',
  unicode: 'geheim-ß-🔑-€',
}

describe('a line of the log', () => {
  test('is JSON with its time, level, words and facts', () => {
    const { log, lines } = open()
    log.info('runs go on', { runs: 3 })
    log.warn('slow')
    expect(lines).toEqual([
      '{"at":"2026-11-22T12:00:00.000Z","level":"info","message":"runs go on","runs":3}',
      '{"at":"2026-11-22T12:00:00.000Z","level":"warn","message":"slow"}',
    ])
  })

  test('stays one line, whatever is written into it', () => {
    const { log, lines } = open()
    log.info('a\nb\r\n{"level":"info"}\u2028', { name: 'x\ny' })
    expect(lines[0]?.split(/[\r\n]/)).toHaveLength(1)
  })

  test('says what was thrown, with code and causes', () => {
    const { log, last } = open()
    const cause = new TypeError('no such field', { cause: 'odd' })
    log.error('it broke', unavailable('Gone.', { vendorCode: 'timeout', cause }), { run: 'run_1' })
    expect(last()).toMatchObject({
      level: 'error',
      message: 'it broke',
      run: 'run_1',
      error: 'Gone.',
      code: 'unavailable',
      vendor_code: 'timeout',
      cause: { error: 'no such field', cause: { error: 'odd' } },
    })
    expect(last().stack.length).toBeLessThanOrEqual(5)
    log.error('it broke', 'just words')
    expect(last().error).toBe('just words')
  })
})

describe('a secret that the log knows', () => {
  const { log, lines } = open()
  log.hide(...Object.values(SECRETS))
  const written = () => lines.splice(0).join('\n')

  test.each(Object.entries(SECRETS))(
    '(%s) is blotted out wherever it is and however it is spelled',
    (_, secret) => {
      log.info(`said ${secret} twice ${secret}`, { secret, list: [{ deep: { er: secret } }], [secret]: 1 })
      log.info('json in json', { body: JSON.stringify({ secret, inner: JSON.stringify({ secret }) }) })
      log.info('in an address', { url: `https://x/?token=${encodeURIComponent(secret)}` })
      log.error('thrown', new Error(secret, { cause: new AtlasError('internal', `because ${secret}`) }), {
        secret,
      })
      log.error('thrown as it is', secret)
      const text = written()
      for (const spelled of [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)]) {
        expect(text).not.toContain(spelled)
      }
      expect(text).toContain('[hidden]')
    },
  )

  test('is blotted out of text that goes elsewhere', () => {
    expect(log.redact(`curl -H 'Authorization: Bearer ${SECRETS.plain}'`)).toBe(
      "curl -H 'Authorization: Bearer [hidden]'",
    )
  })

  test.each(Object.entries(SECRETS))(
    '(%s) that was cut at the end of a text is none the less hidden',
    (_, secret) => {
      expect(log.redact(`said ${secret.slice(0, 12)}`)).toBe('said [hidden]')
      expect(log.redact(`said ${secret}${secret.slice(0, -1)}`)).toBe('said [hidden][hidden]')
    },
  )

  test.each(Object.entries(SECRETS))(
    '(%s) is blotted out as hex and as base64, alone or within more',
    (_, secret) => {
      const hex = Buffer.from(secret).toString('hex')
      expect(log.redact(`x'${hex}'`)).toBe(`x'[hidden]'`)
      for (const alphabet of ['base64', 'base64url'] as const) {
        for (const before of ['', 'u:', 'atlas:', 'user:']) {
          const spelled = Buffer.from(`${before}${secret}\n`).toString(alphabet)
          const shown = log.redact(`authorization: Basic ${spelled};`)
          // What is left belongs to what stands around it, or shares a letter with it.
          expect(shown).toMatch(/^authorization: Basic [\w+/-]{0,8}\[hidden\][\w+/=-]{0,4};$/)
        }
      }
    },
  )

  test('is told from words that only begin like it', () => {
    expect(log.redact('keys begin with sk_test_')).toBe('keys begin with sk_test_')
    expect(log.redact(`${SECRETS.plain.slice(0, 12)} and more`)).toBe(
      `${SECRETS.plain.slice(0, 12)} and more`,
    )
  })

  test('that is too short to be one leaves other words alone, and so does none', () => {
    const { log, last } = open()
    log.hide('abc', '', undefined)
    log.info('abcdef')
    expect(last().message).toBe('abcdef')
  })
})

describe('a private key', () => {
  const { privateKey } = generateHostKey()
  const body = privateKey.split('\n').filter((line) => line !== '' && !line.startsWith('-----'))

  test.each([
    ['as it is', privateKey],
    ['on one line, as .env files hold it', privateKey.replaceAll('\n', '\\n')],
  ])('hidden %s is blotted out whole and line by line', (_, spelled) => {
    const { log, lines } = open()
    log.hide(spelled)
    log.info(privateKey)
    log.info('json', { file: JSON.stringify({ key: privateKey }) })
    for (const line of privateKey.split('\n')) log.info(`  ssh-keygen: ${line}`)
    const text = lines.join('\n')
    expect(body.length).toBeGreaterThan(3)
    for (const line of body) expect(text).not.toContain(line)
  })

  test('leaves the words around every key readable', () => {
    const { log } = open()
    log.hide(privateKey)
    expect(log.redact('-----BEGIN OPENSSH PRIVATE KEY-----')).toBe('-----BEGIN OPENSSH PRIVATE KEY-----')
  })
})
