import type { Patience } from '../runs/patience'

const MINUTE_MS = 60_000

/** For how long steps wait for what they wait for, each many times longer than it takes on a good day. */
export const PATIENCE = {
  /** An action of the cloud on a server: seconds, up to some minutes. */
  action: { ms: 20 * MINUTE_MS, look: 'Look at the server at Hetzner.' },
  /** A system that boots until its agent is ready: a minute or two. */
  boot: { ms: 10 * MINUTE_MS, look: 'Look at its console at Hetzner.' },
  /** A whole disk that is copied or put back: minutes, for a large one up to an hour. */
  disk: { ms: 120 * MINUTE_MS, look: 'Look at the image at Hetzner.' },
  /** A record until all name servers have the change and, when it was removed, caches have forgotten it: minutes. */
  name: { ms: 30 * MINUTE_MS, look: 'Look at the record at Route 53.' },
  /** A server that may have stopped answering, before the step goes on without it. */
  answer: { ms: 30 * MINUTE_MS, look: 'Look at the server’s console at Hetzner.' },
  /** An app that is to become healthy: longer than any blueprint allows it. */
  health: { ms: 150 * MINUTE_MS },
} as const satisfies Record<string, Patience>
