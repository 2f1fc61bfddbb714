import type { Duplex } from 'node:stream'

type Live = { sockets: Set<Duplex>; waiting: (() => void)[] }

/** What is alive in this process only: open connections, and those who wait for a paused machine. */
export class LiveConnections {
  private readonly byMachine = new Map<string, Live>()

  add(id: string, socket: Duplex): void {
    const { sockets } = this.of(id)
    sockets.add(socket)
    socket.on('error', () => undefined).once('close', () => sockets.delete(socket))
  }

  /** Resolves when the machine is resumed or loses its power. */
  nextWake(id: string): Promise<void> {
    return new Promise((resolve) => this.of(id).waiting.push(resolve))
  }

  pause(id: string): void {
    for (const socket of this.byMachine.get(id)?.sockets ?? []) socket.pause()
  }

  resume(id: string): void {
    for (const socket of this.byMachine.get(id)?.sockets ?? []) socket.resume()
    this.wake(id)
  }

  /** Cuts every connection. */
  drop(id: string): void {
    for (const socket of this.byMachine.get(id)?.sockets ?? []) socket.destroy()
    this.wake(id)
    this.byMachine.delete(id)
  }

  private wake(id: string): void {
    for (const go of this.byMachine.get(id)?.waiting.splice(0) ?? []) go()
  }

  private of(id: string): Live {
    const live = this.byMachine.get(id) ?? { sockets: new Set(), waiting: [] }
    this.byMachine.set(id, live)
    return live
  }
}
