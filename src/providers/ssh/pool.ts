import type { Clock } from '../../clock'
import type { MachineTarget } from '../machines'
import type { Connection } from './connection'
import { sameKey } from './keys'

/** A connection that is kept for the next command, or is just being opened. */
type Kept = {
  address: string
  /** The keys it was opened with. */
  hostKeys: string[]
  opening: Promise<Connection>
  connection?: Connection
  /** Commands that use it now. */
  users: number
  stopIdling?: () => void
}

const IDLE_MAX_MS = 60_000

/** One connection per server, shared by its commands and closed after a minute without any. */
export class Pool {
  private readonly kept = new Map<string, Kept>()

  constructor(
    private readonly open: (target: MachineTarget) => Promise<Connection>,
    private readonly clock: Clock,
  ) {}

  /** Lends a connection to `work`; a connection is only shared by those who would accept its host key. */
  async use<T>(target: MachineTarget, work: (connection: Connection) => Promise<T>): Promise<T> {
    const kept = this.fitting(target) ?? this.begin(target)
    kept.users++
    kept.stopIdling?.()
    try {
      return await work(await kept.opening)
    } finally {
      kept.users--
      if (kept.users === 0) this.rest(kept)
    }
  }

  /** No further command gets this connection; those on it may finish. */
  retire(connection: Connection): void {
    for (const kept of this.kept.values()) if (kept.connection === connection) this.forget(kept)
  }

  /** Closes the connection to a server, or all of them, at once. */
  close(address?: string): void {
    for (const kept of [...this.kept.values()]) {
      if (address !== undefined && kept.address !== address) continue
      this.forget(kept)
      kept.stopIdling?.()
      void kept.opening.then((connection) => connection.end()).catch(() => undefined)
    }
  }

  private fitting(target: MachineTarget): Kept | undefined {
    const kept = this.kept.get(target.address)
    if (!kept) return undefined
    const shown = kept.connection?.hostKey
    const fits = shown
      ? target.hostKeys.some((key) => sameKey(key, shown))
      : target.hostKeys.join('\n') === kept.hostKeys.join('\n')
    if (fits) return kept
    this.forget(kept)
    if (kept.users === 0) this.rest(kept)
    return undefined
  }

  private begin(target: MachineTarget): Kept {
    const { address, hostKeys } = target
    const kept: Kept = { address, hostKeys, users: 0, opening: this.open(target) }
    this.kept.set(address, kept)
    kept.opening.then(
      (connection) => {
        kept.connection = connection
        connection.onClose(() => {
          this.forget(kept)
          kept.stopIdling?.()
        })
      },
      () => this.forget(kept),
    )
    return kept
  }

  private rest(kept: Kept): void {
    kept.stopIdling?.()
    if (this.kept.get(kept.address) !== kept) {
      kept.connection?.destroy()
      return
    }
    kept.stopIdling = this.clock.at(this.clock.now() + IDLE_MAX_MS, () => {
      this.forget(kept)
      kept.connection?.end()
    })
  }

  private forget(kept: Kept): void {
    if (this.kept.get(kept.address) === kept) this.kept.delete(kept.address)
  }
}
