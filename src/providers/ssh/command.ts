import { invalid } from '../../errors'
import type { AgentCommand, AgentVerb } from '../machines'

const VERBS: ReadonlySet<AgentVerb> = new Set([
  'status',
  'host-key',
  'settings',
  'start',
  'stop',
  'logs',
  'backup',
  'restore',
  'rotate',
  'deploy',
  'update',
])
const COMMAND_ID = /^[a-z0-9_-]{1,64}$/
const INPUT_MAX_BYTES = 1024 * 1024

/**
 * What goes into SSH's exec request: a known verb and a command id, nothing that a shell could read otherwise.
 * Throws `invalid` for anything else.
 */
export function commandLine({ verb, commandId }: Pick<AgentCommand, 'verb' | 'commandId'>): string {
  if (!VERBS.has(verb)) throw invalid('The agent knows no such verb.')
  if (!COMMAND_ID.test(commandId)) {
    throw invalid('A command id is 1 to 64 lower case letters, digits, hyphens and underscores.')
  }
  return `${verb} ${commandId}`
}

/** The command's input as the agent reads it from standard input. */
export function commandInput(input: Record<string, unknown>): string {
  const text = JSON.stringify(input)
  if (Buffer.byteLength(text) > INPUT_MAX_BYTES) throw invalid('The input of a command is larger than 1 MB.')
  return text
}
