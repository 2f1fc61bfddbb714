import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { version } from '../../package.json'
import { compile } from '../../scripts/build'
import { findPorts } from '../../src/cli/demo-clouds'
import { completeEnvironment } from '../bench/environment'
import { DemoProcess } from './demo-process'

const ROOT = join(import.meta.dir, '../..')

describe('the compiled binary, in an empty folder', () => {
  const cwd = mkdtempSync(join(tmpdir(), 'atlas-binary-'))
  let folder: string
  let atlas: string

  beforeAll(async () => {
    mkdirSync(join(ROOT, 'dist'), { recursive: true })
    folder = mkdtempSync(join(ROOT, 'dist/test-'))
    atlas = join(folder, 'atlas')
    await compile('src/main.ts', atlas)
  }, 60_000)

  afterAll(() => {
    for (const path of [folder, cwd]) rmSync(path, { recursive: true, force: true })
  })

  const run = (...args: string[]) => {
    const { stdout, stderr, exitCode } = Bun.spawnSync([atlas, ...args], { cwd, env: {} })
    return { exitCode, out: stdout.toString(), err: stderr.toString() }
  }

  test('says its version and its commands, and refuses others', () => {
    expect(run('version').out).toMatch(new RegExp(`^atlas ${version} \\((unknown|[0-9a-f]{12}\\+?)\\)\\n$`))
    expect(run('help')).toMatchObject({ exitCode: 0, out: expect.stringContaining('blueprint check DIR') })
    expect(run('fly')).toMatchObject({ exitCode: 2, out: '', err: expect.stringContaining('`fly`') })
  })

  test('checks a blueprint', () => {
    const { exitCode, out } = run('blueprint', 'check', join(ROOT, 'cloud-init/virtues'))
    expect(exitCode).toBe(0)
    expect(out).toContain('Blueprint virtues')
    expect(out).toContain('#cloud-config')
  })

  test('lists what its configuration lacks, and leaves nothing behind', () => {
    const { exitCode, err } = run('serve')
    expect(exitCode).toBe(1)
    for (const name of ['ADMIN_EMAIL', 'HETZNER_API_TOKEN', 'EMAIL_FROM'])
      expect(err).toContain(`${name} is missing`)
    expect(readdirSync(cwd)).toEqual([])
  })

  test('serves with its environment, until it is told to stop', async () => {
    const { atlas: port } = findPorts(0)
    const env = completeEnvironment(port, join(cwd, 'serve'))
    const serving = Bun.spawn([atlas, 'serve'], { cwd, env, stdout: 'ignore', stderr: 'ignore' })
    try {
      expect(await answerOf(`http://127.0.0.1:${port}/`)).toBe(200)
      serving.kill('SIGTERM')
      expect(await serving.exited).toBe(0)
    } finally {
      serving.kill('SIGKILL')
    }
  })

  test('lives the whole story, with everything that it shows inside', async () => {
    const told = new DemoProcess(['--story', '--speed', '100', '--data', join(cwd, 'story')], {
      program: [atlas],
      cwd,
    })
    try {
      expect([await told.ended(), told.lines.at(-1)?.part]).toEqual([0, 'all agree'])
    } finally {
      told.kill()
    }
  }, 30_000)

  test('serves a demo with a fleet, its styles, scripts and icons, and the simulator’s', async () => {
    const demo = new DemoProcess(['--tenants', '5', '--data', join(cwd, 'demo')], { program: [atlas], cwd })
    try {
      const { shop, simulator, mailbox } = await demo.addresses()
      const files = (await Promise.all([shop, `${shop}login`, simulator, mailbox].map(filesOf))).flat()
      expect(files.length).toBeGreaterThan(5)
      for (const file of new Set(files)) {
        const answer = await fetch(file)
        expect([file, answer.status, (await answer.text()).length > 50]).toEqual([file, 200, true])
      }
      expect((await demo.end('SIGTERM')).exitCode).toBe(0)
    } finally {
      demo.kill()
    }
  })
})

async function answerOf(address: string): Promise<number> {
  for (;;) {
    const answer = await fetch(address).catch(() => null)
    if (answer) return answer.status
    await Bun.sleep(5)
  }
}

/** The addresses of everything that a page loads. */
async function filesOf(page: string): Promise<string[]> {
  const html = await (await fetch(page)).text()
  const loads = html.matchAll(/<(?:link|script)[^>]*\s(?:href|src)="([^"]+)"/g)
  return Array.from(loads, ([, path = '']) => new URL(path, page).href)
}
