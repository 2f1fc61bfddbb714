import { sleep } from '../clock'
import type { Twin } from './twin'
import type { World } from './world'

/** `drop` is for machines: the connection breaks in the middle of a command, which goes on. */
export type FaultKind = 'refuse' | 'timeout' | 'lose_reply' | 'slow' | 'duplicate' | 'drop'

/** Something that goes wrong at one provider, for one verb or (`*`) all, a number of times. */
export type Fault = {
  id: string
  provider: string
  verb: string
  kind: FaultKind
  /** How many calls it still hits; each hit counts one down. */
  times: number
  /** For `slow`: how much longer it takes, in real milliseconds. */
  delayMs?: number
  /** For `refuse`: HTTP status and vendor code; each twin has its own default. */
  status?: number
  code?: string
}

/** Thrown where the caller must see its connection break instead of an answer. */
export class ReplyLost extends Error {
  constructor() {
    super('the reply was lost')
    this.name = 'ReplyLost'
  }
}

const SLOW_MS = 5_000
const HANG_MAX_MS = 600_000

/** The faults that are set, and the place every call passes through to meet them. */
export class Faults {
  constructor(private readonly world: World) {}

  private get table() {
    return this.world.table<Fault>('faults')
  }

  add(fault: Omit<Fault, 'id'>): Fault {
    return this.table.put({ ...fault, id: `fault_${this.world.nextNumber('fault')}` })
  }

  list(): Fault[] {
    return this.table.all()
  }

  remove(id: string): boolean {
    return this.table.delete(id)
  }

  /** The fault that hits this call, counted down; undefined when all is well. */
  take(provider: string, verb: string): Fault | undefined {
    const hit = this.table.find((f) => f.provider === provider && (f.verb === verb || f.verb === '*'))
    if (!hit) return undefined
    if (hit.times <= 1) this.table.delete(hit.id)
    else this.table.put({ ...hit, times: hit.times - 1 })
    return hit
  }

  /** Lets a request through to its twin, or to what goes wrong on the way. */
  async through(twin: Twin, request: Request): Promise<Response> {
    const fault = this.take(twin.name, twin.verbOf(request))
    switch (fault?.kind) {
      case undefined:
        return twin.handle(request)
      case 'refuse':
        return twin.refuse(request, fault)
      case 'timeout':
        return this.hang(request)
      case 'lose_reply':
      case 'drop':
        await twin.handle(request)
        throw new ReplyLost()
      case 'slow':
        await sleep(this.world.clock, fault.delayMs ?? SLOW_MS)
        return twin.handle(request)
      case 'duplicate': {
        const again = request.clone()
        const answer = await twin.handle(request)
        await twin.handle(again as Request)
        return answer
      }
    }
  }

  private async hang(request: Request): Promise<never> {
    await sleep(this.world.clock, HANG_MAX_MS, request.signal).catch(() => undefined)
    throw new ReplyLost()
  }
}
