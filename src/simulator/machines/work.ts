import type { AgentEnd, Command, Machine } from './machine'

/** What a command does to its machine. `end` is null for what has to be carried first. */
export type Work = { machine: Machine; end: AgentEnd | null; logs?: Command['logs']; endsAt?: number }

export function refusal(code: string, message: string): AgentEnd {
  return { error: { code, message } }
}
