import { conflict } from '../errors'
import type { Objects } from '../providers/objects'
import type { StepContext } from '../runs/recipe'
import type { Services } from '../services'

const HOUR_MS = 3_600_000
/** How long one address is used, and how long it holds: whoever gets it late has half of that left. */
const RENEWED_AFTER_MS = 12 * HOUR_MS
const HOLDS_SECONDS = (2 * RENEWED_AFTER_MS) / 1_000

/**
 * A pre-signed address for a server, and what the command that carries it is called by. The server takes a repeated
 * command for the same one only when its input is the same, so every try within a step signs for the same moment: the
 * step's beginning, and after half a day a later one. The address is a secret; it goes to the server and nowhere else.
 */
export async function addressFor(
  services: Services,
  { startedAt, now }: Pick<StepContext, 'startedAt' | 'now'>,
  direction: 'upload' | 'download',
  key: string,
): Promise<{ url: string; attempt: string }> {
  const objects = storageOf(services)
  const renewals = Math.floor(Math.max(0, now() - startedAt) / RENEWED_AFTER_MS)
  const signedAtMs = startedAt + renewals * RENEWED_AFTER_MS
  const url = await objects[`${direction}Url`](key, HOLDS_SECONDS, signedAtMs)
  return { url, attempt: signedAtMs.toString(36) }
}

/** Where backups are kept. Throws `conflict` when no storage is configured. */
export function storageOf({ objects }: Services): Objects {
  if (objects) return objects
  throw conflict('No storage for backups is configured. Set the variables that begin with BACKUP_S3_.')
}
