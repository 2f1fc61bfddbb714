import { describe, expect, test } from 'bun:test'
import { stringify } from 'yaml'
import type { Setting } from '../../src/catalog/blueprint'
import { builtinBlueprints } from '../../src/catalog/builtin'
import { imageProblems, imagesOfRelease, writtenImages } from '../../src/catalog/images'

const SETTINGS: Setting[] = [
  { name: 'REPO', from: 'GHCR_REPO', required: true },
  { name: 'HOST', value: 'registry.example.com:5000' },
  { name: 'URL', value: '{{tenant.url}}' },
  { name: 'SECRET', generate: { kind: 'hex', length: 32 }, rotate: null },
]
const ENV = { GHCR_REPO: 'acme/app', EMPTY: '' }

// A % stands for the dollar that these strings would otherwise be taken for templates by.
const written = (image: string) => image.replace(/%(?=[A-Z{])/g, '$')

const blueprintOf = (...images: string[]) => ({
  compose: stringify({
    services: Object.fromEntries(images.map((image, at) => [`s${at}`, { image: written(image) }])),
  }),
  settings: SETTINGS,
})
const refsOf = (...images: string[]) => imagesOfRelease(blueprintOf(...images), 'v43', ENV)
const refOf = (image: string) => refsOf(image)[0]!.ref

describe('the images of a release', () => {
  test('are those that depend on RELEASE, each once, with shared settings filled in', () => {
    const ref = { host: 'ghcr.io', repository: 'acme/app', tag: 'v43' }
    expect(
      refsOf(
        'postgres:17',
        'ghcr.io/%{REPO:?}:%{RELEASE:?}',
        'ghcr.io/%{REPO}:%RELEASE',
        '%{HOST}/jobs:%{RELEASE}-slim',
      ),
    ).toEqual([
      { image: 'ghcr.io/acme/app:v43', ref },
      {
        image: 'registry.example.com:5000/jobs:v43-slim',
        ref: { host: 'registry.example.com:5000', repository: 'jobs', tag: 'v43-slim' },
      },
    ])
    expect(refsOf('postgres:17')).toEqual([])
    expect(imagesOfRelease({ compose: 'services: [', settings: [] }, 'v1', {})).toEqual([])
  })

  test.each([
    ['app:%{RELEASE}', { host: 'registry-1.docker.io', repository: 'library/app' }],
    ['acme/app:%{RELEASE}', { host: 'registry-1.docker.io', repository: 'acme/app' }],
    ['docker.io/app:%{RELEASE}', { host: 'registry-1.docker.io', repository: 'library/app' }],
    ['docker.io/acme/app:%{RELEASE}', { host: 'registry-1.docker.io', repository: 'acme/app' }],
    ['localhost/app:%{RELEASE}', { host: 'localhost', repository: 'app' }],
    ['127.0.0.1:5000/a/b/c:%{RELEASE}', { host: '127.0.0.1:5000', repository: 'a/b/c' }],
    ['quay.io/a__b/c-d.e:%{RELEASE}', { host: 'quay.io', repository: 'a__b/c-d.e' }],
  ])('%s is where docker would look for it', (image, expected) => {
    expect(refOf(image)).toEqual({ ...expected, tag: 'v43' })
  })

  test.each([
    ['%{NONE:-acme/app}:%{RELEASE}', 'acme/app:v43'],
    ['%{EMPTY:-acme/app}:%{RELEASE}', 'acme/app:v43'],
    ['acme/app%{EMPTY-x}:%{RELEASE}', 'acme/app:v43'],
    ['acme/app%{REPO:+-x}:%{RELEASE}', 'acme/app-x:v43'],
    ['acme/app%{NONE+-x}:%{RELEASE}', 'acme/app:v43'],
  ])('%s is filled in as docker compose does', (template, image) => {
    const { compose, settings } = blueprintOf(template)
    const all: Setting[] = [...settings, { name: 'EMPTY', from: 'EMPTY', required: false }]
    expect(imagesOfRelease({ compose, settings: all }, 'v43', ENV)[0]!.image).toBe(image)
  })

  test.each([
    'ghcr.io/%{UNKNOWN:?}:%{RELEASE}',
    'ghcr.io/%{SECRET}:%{RELEASE}',
    'ghcr.io/app@sha256:%{RELEASE}',
    'ghcr.io/acme/app:%{RELEASE} --privileged',
    'ghcr.io/Acme/app:%{RELEASE}',
    'https://ghcr.io/acme/app:%{RELEASE}',
    'user@ghcr.io/acme/app:%{RELEASE}',
    '../app:%{RELEASE}',
    '-x/app:%{RELEASE}',
    '%{RELEASE}',
  ])('%s is refused', (image) => {
    expect(() => refsOf(image)).toThrow(/image in compose\.yaml/)
  })

  test('of virtues is one', () => {
    const { compose } = builtinBlueprints[0]!
    expect(writtenImages({ compose })).toEqual([written('ghcr.io/%{GHCR_REPO:?}:%{RELEASE:?}')])
  })

  test('are the same for all tenants, or the blueprint is not sound', () => {
    expect(imageProblems(blueprintOf('%{REPO}:%{RELEASE}', '%{SECRET}:17'))).toEqual([])
    expect(imageProblems(blueprintOf('%{SECRET}/%{URL}:%{RELEASE}'))).toEqual([
      ': the image of a release uses SECRET, which is not the same for all tenants',
      ': the image of a release uses URL, which is not the same for all tenants',
    ])
  })
})
