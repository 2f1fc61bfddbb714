import { createHash } from 'node:crypto'
import * as v from 'valibot'
import type { WrittenFile } from './cloud-init'
import type { Machine } from './machine'
import { refusal, type Work } from './work'

const Input = v.object({
  script: v.pipe(v.string(), v.startsWith('#!/bin/sh\n')),
  script_sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
})
const VERSION_DIGITS = 12

/** What the agent calls itself: the digest of its text, which the first boot wrote to the disk. */
export function versionOf(machine: Machine): string {
  return agentOf(machine)?.sha256.slice(0, VERSION_DIGITS) ?? ''
}

/** The verb `update`: another text in the agent's place. */
export function update(machine: Machine, raw: Record<string, unknown>): Work {
  const input = v.safeParse(Input, raw)
  const agent = agentOf(machine)
  if (!input.success || !agent || sha256(input.output.script) !== input.output.script_sha256) {
    return { machine, end: refusal('invalid', 'The script is not what its digest says.') }
  }
  const { script, script_sha256 } = input.output
  const written = { ...agent, bytes: Buffer.byteLength(script), sha256: script_sha256 }
  const files = machine.files.map((file) => (file === agent ? written : file))
  const changed = { ...machine, files }
  return { machine: changed, end: { result: { agent_version: versionOf(changed) } } }
}

/** The file that a login's forced command names. */
function agentOf({ files, logins }: Machine): WrittenFile | undefined {
  const words = logins.flatMap(({ forcedCommand }) => forcedCommand?.split(/\s+/) ?? [])
  return files.find(({ path }) => words.includes(path))
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
