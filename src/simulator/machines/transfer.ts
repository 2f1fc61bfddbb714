import { createHash } from 'node:crypto'
import { Decrypter, Encrypter } from 'age-encryption'
import { sleep } from '../../clock'
import type { World } from '../world'
import type { AgentEnd, Data, Machine } from './machine'
import { type BackupInput, lastsOf, type RestoreInput, type TransferInput } from './transfer-input'
import { refusal } from './work'

export type TransferOptions = {
  world: World
  /** How a machine reaches the storage. */
  fetch: (request: Request) => Promise<Response>
  /** Told of work that is outside of the world's clock. */
  during: <T>(work: Promise<T>) => Promise<T>
  /** Resolves at once, or when a paused machine goes on. */
  awake: (machineId: string) => Promise<void>
}

/** What a transfer knows of its machine, which may be gone or switched off by now. */
export type Grip = {
  machine(): Machine | undefined
  change(change: (machine: Machine) => Machine): void
  fromMs: number
  signal: AbortSignal
}

/** The part of a restore in which nothing is changed yet. */
const SHARE_BEFORE_REPLACING = 0.5

/** Carries a machine's data to the storage or back. Null when the machine lost its power on the way. */
export async function transfer(
  input: TransferInput,
  grip: Grip,
  options: TransferOptions,
): Promise<AgentEnd | null> {
  const end = 'upload_url' in input ? backUp(input, grip, options) : restore(input, grip, options)
  return end.catch((thrown: unknown) => {
    if (grip.signal.aborted) return null
    throw thrown
  })
}

async function backUp(input: BackupInput, grip: Grip, options: TransferOptions): Promise<AgentEnd | null> {
  await until(grip.fromMs + options.world.lasts(lastsOf(input)), grip, options)
  const { dumps, volumes, recipient } = input
  const names = { dumps: dumps.map(({ name }) => name), volumes }
  const sealed = await options.during(packData({ ...names, data: grip.machine()?.data }, recipient))
  const request = new Request(input.upload_url, { method: 'PUT', body: sealed, signal: grip.signal })
  const answer = await carry(request, options)
  if (grip.signal.aborted) return null
  if (answer?.status !== 200) return refusal('unavailable', 'The backup could not be uploaded.')
  return { result: { size_bytes: sealed.length, sha256: sha256(sealed) } }
}

async function restore(input: RestoreInput, grip: Grip, options: TransferOptions): Promise<AgentEnd | null> {
  const lastsMs = options.world.lasts(lastsOf(input))
  await until(grip.fromMs + lastsMs * SHARE_BEFORE_REPLACING, grip, options)
  const answer = await carry(new Request(input.download_url, { signal: grip.signal }), options)
  if (grip.signal.aborted) return null
  if (answer?.status === 404) return refusal('not_found', 'There is no backup at this address.')
  if (answer?.status !== 200) return refusal('unavailable', 'The backup could not be downloaded.')
  const sealed = answer.body
  if (sha256(sealed) !== input.sha256) {
    return refusal('conflict', 'This is not the backup that was expected; nothing was changed.')
  }
  const packed = await options.during(open(sealed, input.identity)).catch(() => null)
  if (packed === null) return refusal('conflict', 'The backup does not open with this key.')
  const { data } = JSON.parse(packed) as { data: Data }
  // From here on until the end the data is neither the old nor the new.
  grip.change((machine) => ({ ...machine, restoring: true, app: stopped(machine) }))
  await until(grip.fromMs + lastsMs, grip, options)
  grip.change((machine) => ({ ...machine, restoring: false, data, app: stopped(machine) }))
  return { result: {} }
}

/** The whole answer of the storage; null when there was none, or when it broke off. */
async function carry(request: Request, options: TransferOptions) {
  const whole = async () => {
    const response = await options.fetch(request)
    return { status: response.status, body: new Uint8Array(await response.arrayBuffer()) }
  }
  return options.during(whole()).catch(() => null)
}

const stopped = ({ app }: Machine) => app && { ...app, stopped: true }

async function until(atMs: number, { signal, machine }: Grip, { world, awake }: TransferOptions) {
  if (atMs > world.now()) await sleep(world.clock, atMs - world.now(), signal)
  await awake(machine()?.id ?? '')
  signal.throwIfAborted()
}

/** What a machine uploads as its backup: the app's data, encrypted. */
export async function packData(
  packed: { dumps: string[]; volumes: string[]; data: Data | undefined },
  recipient: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const encrypter = new Encrypter()
  encrypter.addRecipient(recipient)
  return new Uint8Array(await encrypter.encrypt(JSON.stringify(packed)))
}

async function open(sealed: Uint8Array, identity: string): Promise<string> {
  const decrypter = new Decrypter()
  decrypter.addIdentity(identity)
  return decrypter.decrypt(sealed, 'text')
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
