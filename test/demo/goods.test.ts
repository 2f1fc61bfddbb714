import { afterAll, beforeAll, expect, test } from 'bun:test'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { demoImages } from '../../src/demo/goods'
import { DemoProcess } from '../cli/demo-process'

const ROOT = join(import.meta.dir, '../..')

const COMPOSE = `
services:
  app: { image: "notes:\${RELEASE}", volumes: ["files:/files"] }
  db: { image: "postgres:17" }
volumes: { files: {} }
`

test('a demo’s registry has the blueprint’s release and some after it, the same at every start', () => {
  const images = demoImages()
  expect(images.slice(0, 3)).toEqual([
    { repository: 'demo-ghcr-repo', tag: 'v42', behaviour: 'good', migration: 'none' },
    { repository: 'demo-ghcr-repo', tag: 'v43', behaviour: 'good', migration: 'expand' },
    { repository: 'demo-ghcr-repo', tag: 'v44', behaviour: 'broken', migration: 'none' },
  ])
  expect(demoImages()).toEqual(images)
})

let folder: string
let told: DemoProcess
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'atlas-goods-'))
  writeNotes(join(folder, 'blueprints/notes'))
  const args = ['--story', 'full', '--speed', '400', '--data', join(folder, 'data')]
  told = new DemoProcess(args, { env: { BLUEPRINTS_DIR: join(folder, 'blueprints') } })
  await told.ended()
}, 60_000)
afterAll(() => {
  told.kill()
  rmSync(folder, { recursive: true })
})

/** The blueprint of the documentation, which shares a required key with its tenants. */
function writeNotes(dir: string): void {
  cpSync(join(ROOT, 'cloud-init/virtues'), dir, { recursive: true })
  const example =
    readFileSync(join(ROOT, 'docs/blueprints.md'), 'utf8').match(/```yaml\n([\s\S]*?)```/)?.[1] ?? ''
  writeFileSync(join(dir, 'blueprint.yaml'), example.replace('required: false', 'required: true'))
  writeFileSync(join(dir, 'compose.yaml'), COMPOSE)
}

test('a demo lives a whole life with a blueprint of one’s own, which has no second plan', () => {
  expect(told.lines.at(-1)).toMatchObject({ part: 'all agree', detail: expect.stringContaining('deleted') })
  const parts = new Set(told.lines.map(({ part }) => part))
  expect([parts.has('restored'), parts.has('rotated'), parts.has('upgraded')]).toEqual([true, true, false])
  expect(told.lines.find(({ part }) => part === 'signed up')?.detail).toEndWith(' for basic')
})

test('and sells, as in production, that blueprint alone', () => {
  expect(told.lines.find(({ part }) => part === 'landing page')?.detail).toBe('offers basic')
})
