import { beforeEach, expect, test } from 'bun:test'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { agentVersion } from '../../src/catalog/builtin'
import { describeWith } from '../needs'
import { AGENT, agentServer } from './agent-server'

const { at, written, program, put, result, errorCode } = agentServer()
const CURRENT = readFileSync(AGENT, 'utf8')
const NEXT = CURRENT.replace('This verb is not known.', 'Nobody knows this verb.')

const update = (script: string) => ({ script, script_sha256: sha256(script) })

if (process.platform === 'linux') describeWith('jq', 'the verb update', updating)

function updating() {
  beforeEach(() => {
    program('../agent', CURRENT)
  })

  test('puts a new agent in the place of the old one, which stays beside it', async () => {
    expect((await result('status s1')).agent_version).toBe(agentVersion)
    const { agent_version } = await result('update u1', update(NEXT))
    expect(agent_version).toBe(sha256(NEXT).slice(0, 12))
    expect(written('agent')).toBe(NEXT)
    expect(written('agent.former')).toBe(CURRENT)
    expect(statSync(at('agent')).mode & 0o777).toBe(0o755)
    expect((await result('status s2')).agent_version).toBe(agent_version)
    // The new one knows the command that brought it.
    expect(await result('update u1', update(NEXT))).toEqual({ agent_version })
  })

  test.each([
    ['of another digest', { script: NEXT, script_sha256: sha256('other') }, 'invalid'],
    ['without a digest', { script: NEXT }, 'invalid'],
    ['that is no text', { script: 1, script_sha256: '' }, 'invalid'],
    ['with a mistake', update(`${CURRENT}\nif`), 'invalid'],
    ['that does not answer', update('#!/bin/sh\nexit 0\n'), 'conflict'],
    ['that hangs up', update(CURRENT.replace('tell_status ;;', 'exit 3 ;;')), 'conflict'],
  ])('takes none %s', async (_, input, code) => {
    expect(await errorCode('update u1', input)).toBe(code)
    expect(written('agent')).toBe(CURRENT)
    expect(existsSync(at('agent.former'))).toBe(false)
  })

  test('is taken up again after a power cut', async () => {
    await result('update u1', update(NEXT))
    const folder = 'state/commands/u1'
    put(`${folder}/input`, JSON.stringify(update(NEXT)))
    Bun.spawnSync(['rm', at(folder, 'result')])
    expect(await result('update u1', update(NEXT))).toEqual({ agent_version: sha256(NEXT).slice(0, 12) })
    expect(written('agent')).toBe(NEXT)
    expect(written('agent.former')).toBe(CURRENT)
  })
}

function sha256(text: string): string {
  return new Bun.CryptoHasher('sha256').update(text).digest('hex')
}
