import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { parse } from 'yaml'
import { packageManager } from '../../package.json'
import { deploy } from '../../src/cli/deploy'

type Step = { run?: string; uses?: string }
type Workflow = { jobs: Record<string, { steps: Step[]; env: Record<string, string> }> }

const text = await Bun.file(join(import.meta.dir, '../../deploy/github-actions.yml')).text()
const { release } = (parse(text) as Workflow).jobs
const scripts = release?.steps.flatMap(({ run }) => run ?? []) ?? []

test('its rollout is a command that atlas understands: it gets as far as asking an Atlas', async () => {
  const [command = ''] = /deploy .*/.exec(scripts.join('\n')) ?? []
  const args = command.replaceAll(/["']/g, '').replace('$TAG', 'v43').split(' ').slice(1)
  expect(args).toContain('--wait')
  const err: string[] = []
  const io = { out: () => {}, err: (line: string) => void err.push(line) }
  const env = { ATLAS_URL: 'http://127.0.0.1:1', ATLAS_TOKEN: 'atlas_x' }
  expect(await deploy(args, io, env, new AbortController().signal)).toBe(1)
  expect(err.join()).toContain('No Atlas answers')
})

test('it runs the command with the runtime that Atlas is made for', () => {
  const versions = scripts.join('\n').match(/bun@[\d.]+/g)
  expect(new Set(versions)).toEqual(new Set([packageManager]))
})

test('what a pusher can choose reaches the shell as a variable only', () => {
  expect(scripts.filter((script) => script.includes('${{'))).toEqual([])
})
