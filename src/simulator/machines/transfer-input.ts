import * as v from 'valibot'
import { type Machine, type Pace, spread, withConsole } from './machine'
import { refusal, type Work } from './work'

const name = v.pipe(v.string(), v.regex(/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,63}$/))
const url = v.pipe(v.string(), v.maxLength(4096), v.regex(/^https?:\/\/[^\s"\\]+$/))
const argv = v.pipe(v.array(v.pipe(v.string(), v.regex(/^[^\0]+$/))), v.minLength(1))
const inContainers = v.array(v.object({ name, service: name, command: argv }))

const Backup = v.object({
  upload_url: url,
  recipient: v.pipe(v.string(), v.regex(/^age1[a-z0-9]{58}$/)),
  dumps: inContainers,
  volumes: v.array(name),
})
const Restore = v.object({
  download_url: url,
  identity: v.pipe(v.string(), v.regex(/^AGE-SECRET-KEY-1[A-Z0-9]{58}$/)),
  sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  restores: inContainers,
  volumes: v.array(name),
})

export type BackupInput = v.InferOutput<typeof Backup>
export type RestoreInput = v.InferOutput<typeof Restore>
export type TransferInput = BackupInput | RestoreInput

const BACKUP_MS = 8_000
const RESTORE_MS = 10_000

/** The input of `backup` or `restore`; null when the agent would refuse it. */
export function readTransfer(
  verb: 'backup' | 'restore',
  input: Record<string, unknown>,
): TransferInput | null {
  const parsed = v.safeParse(verb === 'backup' ? Backup : Restore, input)
  if (!parsed.success || partsOf(parsed.output).length + parsed.output.volumes.length === 0) return null
  return parsed.output
}

/** How long the work on the machine itself takes at a real server. */
export function lastsOf(input: TransferInput): number {
  return 'upload_url' in input ? BACKUP_MS : RESTORE_MS
}

/** The verb up to where something has to be carried; what follows is `Transfers`. */
export function beginTransfer(verb: 'backup' | 'restore') {
  return (machine: Machine, raw: Record<string, unknown>, from: number, pace: Pace): Work => {
    const input = readTransfer(verb, raw)
    const refused = (code: string, words: string): Work => ({ machine, end: refusal(code, words) })
    if (!input) return refused('invalid', 'The input is malformed.')
    const { settings } = machine
    if (!settings) return refused('conflict', 'The settings have not been delivered.')
    if (verb === 'backup' && !machine.app) return refused('conflict', 'The app has never been started.')
    if (verb === 'backup' && machine.restoring) {
      return refused('conflict', 'A restore was interrupted: the data is incomplete. Restore once more.')
    }
    if (partsOf(input).some(({ service }) => !settings.services.includes(service))) {
      return refused('unavailable', 'A service could not be started.')
    }
    const logs = spread(linesOf(input), from, pace.lasts(lastsOf(input)))
    return { machine: withConsole(machine, logs), logs, end: null }
  }
}

function partsOf(input: TransferInput) {
  return 'upload_url' in input ? input.dumps : input.restores
}

function linesOf(input: TransferInput): string[] {
  const parts = partsOf(input).map(({ name }) => name)
  if ('upload_url' in input) {
    return [...parts.map((part) => `Dumping ${part}`), 'Packing and encrypting', 'Uploading']
  }
  const volumes = input.volumes.map((volume) => `Replacing volume ${volume}`)
  return ['Downloading', 'Decrypting', ...volumes, ...parts.map((part) => `Restoring ${part}`)]
}
