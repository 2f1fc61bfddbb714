import type { AgentEnd, Command, Machine } from './machine'

/** What a command does to its machine. `end` is null for what has to be carried first. */
export type Work = { machine: Machine; end: AgentEnd | null; logs?: Command['logs']; endsAt?: number }

/** How the agent says no; `code` is one of Atlas's error codes. */
export function refusal(code: string, message: string): AgentEnd {
  return { error: { code, message } }
}
