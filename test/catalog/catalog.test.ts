import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { builtinBlueprints } from '../../src/catalog/builtin'
import { loadCatalog } from '../../src/catalog/catalog'
import { asAtlasError } from '../../src/errors'

const virtues = builtinBlueprints[0]!
const env = {
  STRIPE_PRICE_STARTER: 'price_starter',
  STRIPE_PRICE_PRO: 'price_pro',
  GHCR_REPO: 'a/b',
  GOOGLE_API_KEY: 'x',
  AI_GATEWAY_API_KEY: 'x',
  S3_ENDPOINT: 'x',
  S3_BUCKET: 'x',
  S3_ACCESS_KEY: 'x',
  S3_SECRET_KEY: 'x',
}
let root: string
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'atlas-catalog-'))
})
afterAll(() => rmSync(root, { recursive: true }))

/** A BLUEPRINTS_DIR with these folders, each of them `virtues` under its name with its text changed. */
function folder(blueprints: Record<string, (text: string) => string>): string {
  const dir = mkdtempSync(join(root, 'dir-'))
  for (const [name, change] of Object.entries(blueprints)) {
    mkdirSync(join(dir, name))
    const text = change(virtues.blueprint.replace('name: virtues', `name: ${name}`))
    writeFileSync(join(dir, name, 'blueprint.yaml'), text)
    writeFileSync(join(dir, name, 'user-data.yaml'), virtues.userData)
    writeFileSync(join(dir, name, 'compose.yaml'), virtues.compose)
  }
  return dir
}
const load = (dir?: string, environment: Record<string, string> = env) =>
  loadCatalog({ builtin: builtinBlueprints, dir, env: environment })
const problemsOf = (action: () => unknown) => {
  try {
    action()
  } catch (thrown) {
    expect(asAtlasError(thrown).code).toBe('invalid')
    return asAtlasError(thrown).message
  }
  throw new Error('the catalog was loaded')
}

describe('the catalog', () => {
  test('offers the plans of the binary’s blueprints with their prices', () => {
    const catalog = load()
    expect(catalog.front.name).toBe('virtues')
    expect(catalog.offers.map(({ id, priceId }) => [id, priceId])).toEqual([
      ['virtues/starter', 'price_starter'],
      ['virtues/pro', 'price_pro'],
    ])
    expect(catalog.plan('virtues/pro').plan.name).toBe('Pro')
    expect(catalog.blueprint('virtues').release).toBe('v42')
  })

  test('knows no other plan or blueprint', () => {
    for (const name of ['virtues', 'virtues/other', '__proto__', '']) {
      expect(() => load().plan(name)).toThrow('no such plan')
    }
    expect(() => load().blueprint('toString')).toThrow('no such blueprint')
  })

  test('adds a folder’s blueprints and lets them go first', () => {
    const catalog = load(folder({ notes: (text) => text.replace('Virtues', 'Notes') }))
    expect(catalog.blueprints.map(({ name }) => name)).toEqual(['notes', 'virtues'])
    expect(catalog.front.shop.name).toBe('Notes')
  })

  test('replaces a blueprint of the binary by the folder’s of the same name', () => {
    const catalog = load(folder({ virtues: (text) => text.replace('release: v42', 'release: v43') }))
    expect(catalog.blueprints.map(({ name, release }) => [name, release])).toEqual([['virtues', 'v43']])
  })

  test('keeps a blueprint that is no longer sold for its tenants, and asks nothing of the environment for it', () => {
    const unsold = folder({
      virtues: (text) => `${text}\nsold: false\n`,
      notes: (text) => text.replaceAll(/STRIPE_PRICE_(STARTER|PRO)/g, 'NOTES_PRICE'),
    })
    const { STRIPE_PRICE_STARTER: _, STRIPE_PRICE_PRO: __, ...others } = env
    const catalog = load(unsold, { ...others, NOTES_PRICE: 'price_notes' })
    expect(catalog.front.name).toBe('notes')
    expect(catalog.offers.map(({ id }) => id)).toEqual(['notes/starter', 'notes/pro'])
    expect(catalog.plan('virtues/starter').priceId).toBe('')
  })

  test('sells only the folder’s blueprint when nobody gave the binary’s a price', () => {
    const dir = folder({
      notes: (text) => text.replaceAll(/STRIPE_PRICE_(STARTER|PRO)/g, 'NOTES_PRICE'),
    })
    const { STRIPE_PRICE_STARTER: _, STRIPE_PRICE_PRO: __, ...others } = env
    expect(load(dir, { ...others, NOTES_PRICE: 'price_notes' }).offers.map(({ id }) => id)).toEqual([
      'notes/starter',
      'notes/pro',
    ])
    const half = { ...others, NOTES_PRICE: 'price_notes', STRIPE_PRICE_PRO: 'price_pro' }
    expect(problemsOf(() => load(dir, half))).toContain('virtues needs STRIPE_PRICE_STARTER')
    expect(problemsOf(() => load(undefined, others))).toContain('virtues needs STRIPE_PRICE_STARTER')
  })

  test('lists the problems of all blueprints and of the environment at once', () => {
    const dir = folder({
      one: (text) => text.replace('release: v42', 'release: -x'),
      two: (text) => text.replace('automatic', 'x').replace('path: /health', 'path: health'),
    })
    mkdirSync(join(dir, 'empty'))
    const words = problemsOf(() => load(dir, { ...env, STRIPE_PRICE_PRO: ' ' }))
    expect(words).toContain('one/blueprint.yaml:')
    expect(words).toContain('two/blueprint.yaml:')
    expect(words).toContain('empty/compose.yaml: cannot be read')
    expect(words).toContain('virtues needs STRIPE_PRICE_PRO in the environment')
    expect(words).toStartWith('The blueprints have 6 problems:')
  })

  test('is refused when the folder is not there', () => {
    expect(problemsOf(() => load(join(root, 'nowhere')))).toContain('BLUEPRINTS_DIR cannot be read')
  })
})
