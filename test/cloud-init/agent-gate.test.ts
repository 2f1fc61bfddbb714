import { describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { describeWith } from '../needs'
import { AGENT } from './agent-server'
import { deployServer } from './deploy-server'

const { put, agent, order, answer, running } = deployServer()

// A tenant's server is a Debian: macOS has neither flock nor setsid.
if (process.platform === 'linux') describeWith('jq', 'the gate of a deploy', theGate)

const V42 = 'ghcr.io/acme/app:v42 sha256:image-of-v42'

const within = (seconds: number) => order({ health: { ...order().health, timeout_seconds: seconds } })
const SOON = 5
/** What is to pass has all the time that a busy machine may need. */
const LATE = 25

/** Puts an agent there that lacks one line of the gate. */
function without(line: string, instead: string): void {
  const text = readFileSync(AGENT, 'utf8')
  expect(text.split(line)).toHaveLength(2)
  put('agent', text.replace(line, instead))
}

/** Each check is made twice: of the agent, and of one that is broken where the check looks. */
function theGate() {
  describe('an old container that answers well', () => {
    const passes = async (seconds: number) => {
      put('stale')
      const { last } = await agent('deploy d1', within(seconds))
      expect(running()).toBe(V42)
      return last.result !== undefined
    }

    test('does not pass', async () => {
      expect(await passes(SOON)).toBe(false)
    })

    test('passes where nobody looks which image it runs', async () => {
      without("serving=$(serving_app) || serving=''", 'serving=any')
      expect(await passes(LATE)).toBe(true)
    })
  })

  describe('an app that answers well every other time', () => {
    const passes = async (seconds: number) => {
      let asked = 0
      answer((release) => ({ status: release === 'v43' && asked++ % 2 === 1 ? 503 : 200 }))
      const { last } = await agent('deploy d1', within(seconds))
      return last.result !== undefined
    }

    test('does not pass', async () => {
      expect(await passes(SOON)).toBe(false)
    })

    test('passes where good answers need not be in a row', async () => {
      without(
        'answers "$path" "$status" /dev/null; then streak=$((streak + 1)); else streak=0; fi',
        'answers "$path" "$status" /dev/null; then streak=$((streak + 1)); fi',
      )
      expect(await passes(LATE)).toBe(true)
    })
  })

  describe('an app that answers well twice and then no more', () => {
    const passes = async (seconds: number) => {
      let asked = 0
      answer((release) => ({ status: release === 'v43' && asked++ >= 2 ? 503 : 200 }))
      const { last } = await agent('deploy d1', within(seconds))
      return last.result !== undefined
    }

    test('does not pass', async () => {
      expect(await passes(SOON)).toBe(false)
    })

    test('passes where two answers are enough', async () => {
      without("enough=$(input '.health.answers // 3')", 'enough=2')
      expect(await passes(LATE)).toBe(true)
    })
  })
}
