import { describe, expect, test } from 'bun:test'
import { builtinBlueprints } from '../../src/catalog/builtin'
import { parseBlueprint } from '../../src/catalog/parse'
import { generateSecrets, maskSettings, renderSettings } from '../../src/catalog/settings'
import { asAtlasError } from '../../src/errors'
import { type Random, systemRandom } from '../../src/ids'

const blueprint = parseBlueprint(builtinBlueprints[0]!).blueprint!
const plan = blueprint.plans[0]!

const env = {
  GHCR_REPO: 'acme/virtues',
  GOOGLE_API_KEY: 'google-key',
  AI_GATEWAY_API_KEY: 'gateway-key',
  S3_ENDPOINT: 'https://s3.example.com',
  S3_BUCKET: 'bucket',
  S3_ACCESS_KEY: 'access',
  S3_SECRET_KEY: 's3 "secret" $key\\',
  STRIPE_SECRET_KEY: 'sk_live_never',
}
const input = () => ({
  tenant: {
    id: 'ten_1',
    subdomain: 'alice',
    domain: 'alice.example.com',
    url: 'https://alice.example.com',
  },
  organization: { email: 'alice@example.com' },
  plan,
  release: 'v42',
  secrets: generateSecrets(blueprint, systemRandom),
  env,
})

function thrown(action: () => unknown) {
  try {
    action()
  } catch (error) {
    return asAtlasError(error)
  }
  throw new Error('nothing was thrown')
}

describe('a tenant’s settings', () => {
  test('are filled from the tenant, the plan, the secrets and the shared keys', () => {
    const given = input()
    const { compose, env: settings } = renderSettings(blueprint, given)
    expect(compose).toBe(blueprint.compose)
    expect(settings).toMatchObject({
      APP_URL: 'https://alice.example.com',
      TOKENS_PER_MONTH: '4000000',
      OWNER_EMAIL: 'alice@example.com',
      PLAN: 'starter',
      DATABASE_PASSWORD: given.secrets.DATABASE_PASSWORD,
      S3_SECRET_KEY: env.S3_SECRET_KEY,
      S3_PREFIX: 'tenants/ten_1/',
    })
    expect(Object.keys(settings)).toEqual(blueprint.settings.map(({ name }) => name))
    expect(JSON.stringify(settings)).not.toContain('sk_live_never')
  })

  test('are refused with every missing key named, and none of the values', () => {
    const error = thrown(() =>
      renderSettings(blueprint, { ...input(), env: { ...env, S3_BUCKET: '', GHCR_REPO: undefined } }),
    )
    expect(error.code).toBe('invalid')
    expect(error.fields).toEqual({
      GHCR_REPO: 'needs GHCR_REPO in Atlas’s environment',
      S3_BUCKET: 'needs S3_BUCKET in Atlas’s environment',
    })
    expect(error.message).not.toContain('google-key')
  })

  test('may lack a key that is not required', () => {
    const optional = {
      ...blueprint,
      settings: [{ name: 'EXTRA', from: 'EXTRA_KEY', required: false }],
    }
    expect(renderSettings(optional, input()).env).toEqual({ EXTRA: '' })
  })

  test.each(['\r', '\n', '\0'])('are refused with %j in a value', (character) => {
    const hostile = { ...input(), organization: { email: `a@example.com${character}ADMIN=1` } }
    expect(thrown(() => renderSettings(blueprint, hostile)).fields).toEqual({
      OWNER_EMAIL: 'has a line break or a NUL',
    })
  })

  test('take a value that looks like a template as it is', () => {
    const tricky = { ...input(), organization: { email: '{{tenant.id}}@example.com' } }
    expect(renderSettings(blueprint, tricky).env.OWNER_EMAIL).toBe('{{tenant.id}}@example.com')
  })

  test('are shown with every generated and every shared value masked', () => {
    const { env: settings } = renderSettings(blueprint, input())
    const masked = maskSettings(blueprint, settings)
    expect(masked.APP_URL).toBe('https://alice.example.com')
    for (const setting of blueprint.settings) {
      if (!('value' in setting)) expect(masked[setting.name]).toBe('••••••••')
    }
  })
})

describe('generated secrets', () => {
  test('have the kind and length that the blueprint asks for, and differ each time', () => {
    const secrets = generateSecrets(blueprint, systemRandom)
    expect(Object.keys(secrets).sort()).toEqual(['DATABASE_PASSWORD', 'OWNER_PASSWORD', 'SESSION_SECRET'])
    expect(secrets.DATABASE_PASSWORD).toMatch(/^[0-9a-f]{48}$/)
    expect(secrets.SESSION_SECRET).toMatch(/^[A-Za-z0-9_-]{43}$/)
    expect(secrets.OWNER_PASSWORD).toMatch(/^[a-zA-Z2-9]{20}$/)
    expect(generateSecrets(blueprint, systemRandom)).not.toEqual(secrets)
  })

  test('use every character of their alphabet equally often', () => {
    let next = 0
    const everyByte: Random = (size) => Uint8Array.from({ length: size }, () => next++ % 256)
    const settings = [{ name: 'A', generate: { kind: 'password' as const, length: 57 * 4 }, rotate: null }]
    const counts = new Map<string, number>()
    for (const character of generateSecrets({ settings }, everyByte).A!) {
      counts.set(character, (counts.get(character) ?? 0) + 1)
    }
    expect([...new Set(counts.values())]).toEqual([4])
  })
})
