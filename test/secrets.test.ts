import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { secrets, tenants } from '../src/db/schema'
import { equalSecrets, hashToken, newToken, seal, sign, unseal, verifySigned } from '../src/secrets'
import { destroySecrets, readSecrets, storeSecrets } from '../src/tenants/secrets'
import { getTenant } from '../src/tenants/tenant'
import { openStage } from './stage'

const KEY = Buffer.alloc(32, 1)

describe('a sealed value', () => {
  test('opens where it was sealed, and only there', () => {
    const sealed = seal(KEY, 'the secret', 'secrets/ten_1/API_KEY')
    expect(unseal(KEY, sealed, 'secrets/ten_1/API_KEY').toString()).toBe('the secret')
    for (const place of ['secrets/ten_2/API_KEY', 'secrets/ten_1/OTHER', 'secrets/ten_1/API_KEY ', '']) {
      expect(() => unseal(KEY, sealed, place)).toThrow('does not open with this ENCRYPTION_KEY')
    }
    expect(() => unseal(Buffer.alloc(32, 2), sealed, 'secrets/ten_1/API_KEY')).toThrow()
  })

  test('notices every flipped bit', () => {
    const sealed = seal(KEY, 'x', 'place')
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const changed = Buffer.from(sealed)
      changed[bit >> 3]! ^= 1 << (bit & 7)
      expect(() => unseal(KEY, changed, 'place')).toThrow()
    }
  })

  test('notices what is cut off, added, or not sealed at all', () => {
    const sealed = seal(KEY, 'some text', 'place')
    for (let length = 0; length < sealed.length; length++) {
      expect(() => unseal(KEY, sealed.subarray(0, length), 'place')).toThrow()
    }
    expect(() => unseal(KEY, Buffer.concat([sealed, Buffer.from([0])]), 'place')).toThrow()
    expect(() => unseal(KEY, Buffer.from('some text'), 'place')).toThrow()
  })

  test('looks different each time and never says its length or words in the refusal', () => {
    expect(seal(KEY, 'same', 'place').equals(seal(KEY, 'same', 'place'))).toBe(false)
    expect(seal(KEY, 'the secret', 'place').toString('latin1')).not.toContain('secret')
  })

  test('holds any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.string(), (bytes, place) =>
        unseal(KEY, seal(KEY, bytes, place), place).equals(Buffer.from(bytes)),
      ),
    )
  })
})

describe('a tenant’s secrets', () => {
  const open = async () => {
    const stage = openStage()
    const { db } = stage.services
    const [one, other] = [await stage.tenant('ada-one'), await stage.tenant('ada-two', 'grace@example.com')]
    const store = (id: string, values: Record<string, string>) =>
      db.write((tx) => storeSecrets(tx, stage.services, getTenant(tx, id), values, 0))
    store(one.tenantId, { PASSWORD: 'one-password', KEY: 'one-key-value' })
    store(other.tenantId, { PASSWORD: 'other-password' })
    const read = (id: string) => readSecrets(db.read, stage.services, getTenant(db.read, id))
    return { stage, db, read, store, one: one.tenantId, other: other.tenantId }
  }

  test('are read back, stored once, and forgotten one or all', async () => {
    const { db, read, store, one } = await open()
    store(one, { PASSWORD: 'a second value', MORE: 'more-value' })
    expect(read(one)).toEqual({ PASSWORD: 'one-password', KEY: 'one-key-value', MORE: 'more-value' })
    db.write((tx) => destroySecrets(tx, one, 'KEY'))
    expect(Object.keys(read(one)).sort()).toEqual(['MORE', 'PASSWORD'])
    db.write((tx) => destroySecrets(tx, one))
    expect(read(one)).toEqual({})
  })

  test('do not open in another row, another column’s place, or another tenant', async () => {
    const { db, read, one, other } = await open()
    const swap = (sql: string, ...values: string[]) => {
      db.sqlite.exec('SAVEPOINT swap')
      db.sqlite.run(sql, values)
      expect(() => [read(one), read(other)]).toThrow('does not open')
      db.sqlite.exec('ROLLBACK TO swap; RELEASE swap')
      expect(read(one).PASSWORD).toBe('one-password')
    }
    const from = '(SELECT sealed FROM secrets WHERE tenant_id = ?1 AND name = ?2)'
    swap(`UPDATE secrets SET sealed = ${from} WHERE tenant_id = ?1 AND name = 'KEY'`, one, 'PASSWORD')
    swap(`UPDATE secrets SET sealed = ${from} WHERE tenant_id = ?3 AND name = ?2`, one, 'PASSWORD', other)
    swap('UPDATE secrets SET name = ?1 WHERE name = ?2', 'RENAMED', 'KEY')
    swap(
      'UPDATE tenants SET data_key = (SELECT data_key FROM tenants WHERE id = ?1) WHERE id = ?2',
      one,
      other,
    )
    swap('UPDATE secrets SET sealed = (SELECT data_key FROM tenants WHERE id = ?1) WHERE tenant_id = ?1', one)
  })

  test('are in the database under a key of the tenant’s own, in no form that one could read', async () => {
    const { db } = await open()
    const stored = db.sqlite.serialize().toString('latin1')
    for (const value of ['one-password', 'one-key-value', 'other-password']) {
      expect(stored).not.toContain(value)
      expect(stored).not.toContain(Buffer.from(value).toString('base64'))
    }
    const keys = db.read
      .select()
      .from(tenants)
      .all()
      .map(({ dataKey }) => dataKey.toString('hex'))
    expect(new Set(keys).size).toBe(2)
    expect(db.read.select().from(secrets).all()).toHaveLength(3)
  })

  test('never reach the log, from the moment they are known', async () => {
    const { stage } = await open()
    stage.services.log.info('said one-password and other-password')
    expect(stage.lines.at(-1)).toContain('said [hidden] and [hidden]')
  })
})

describe('a signed value', () => {
  test('is recognised for its purpose and by its secret only', () => {
    const signed = sign('secret', 'signup', 'sig_1')
    expect(verifySigned('secret', 'signup', signed)).toBe('sig_1')
    expect(verifySigned('secret', 'invitation', signed)).toBeNull()
    expect(verifySigned('other', 'signup', signed)).toBeNull()
    expect(verifySigned('secret', 'signup', `${signed}=`)).toBeNull()
    expect(verifySigned('secret', 'signup', signed.replace('sig_1', 'sig_2'))).toBeNull()
    expect(verifySigned('secret', 'signup', 'sig_1')).toBeNull()
    expect(verifySigned('secret', 'signup', '')).toBeNull()
  })

  test('signed for one purpose cannot be cut into another', () => {
    expect(verifySigned('secret', 'signup', sign('secret', 'sign', 'up\nsig_1'))).toBeNull()
  })
})

test('tokens are long, safe in an address, and never the same', () => {
  const tokens = Array.from({ length: 200 }, () => newToken())
  for (const token of tokens) expect(token).toMatch(/^[\w-]{43}$/)
  expect(new Set(tokens).size).toBe(200)
  expect(hashToken(tokens[0]!)).toMatch(/^[0-9a-f]{64}$/)
})

test('secrets are compared whole, whatever their lengths', () => {
  expect(equalSecrets('abc', 'abc')).toBe(true)
  for (const other of ['abd', 'ab', 'abcd', '', 'ABC']) expect(equalSecrets('abc', other)).toBe(false)
})
