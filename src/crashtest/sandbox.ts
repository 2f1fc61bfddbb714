import type { StoryTime } from './time'

type Send = (request: Request, init: RequestInit) => Promise<Response>
type Action = (...args: unknown[]) => void

/**
 * Lets the timers and the `fetch` of this process lead into a story, until the returned function is called.
 * There is no other way: Stripe's SDK arms a time-out of its own for every call, `AbortSignal.timeout` and ssh2's
 * keep-alive use the machine's timers, and Resend's SDK takes no `fetch`. With the machine's timers a hanging call
 * would take 20 real seconds, and who is first would depend on the machine.
 */
export function enterSandbox(time: StoryTime, chance: () => number, send: Send): () => void {
  const outside = {
    setTimeout,
    clearTimeout,
    setInterval,
    clearInterval,
    setImmediate,
    clearImmediate,
    fetch,
  }
  const { timeout } = AbortSignal
  Object.assign(globalThis, timersOf(time), { fetch: fetchOf(send) })
  AbortSignal.timeout = (ms) => abortedAfter(time, ms)
  const leaveCrypto = enterCrypto(time)
  const leaveChance = enterChance(chance)
  return () => {
    Object.assign(globalThis, outside)
    AbortSignal.timeout = timeout
    leaveCrypto()
    leaveChance()
  }
}

/** Ids are random, and who is backed up or probed first goes by them: a seed must give the same ones. */
function enterChance(chance: () => number): () => void {
  const { getRandomValues } = crypto
  crypto.getRandomValues = (array) => {
    if (array instanceof Uint8Array) for (let at = 0; at < array.length; at++) array[at] = chance() * 256
    else getRandomValues.call(crypto, array)
    return array
  }
  return () => {
    crypto.getRandomValues = getRandomValues
  }
}

/** Web Crypto works in threads: time stands until it is done, and what was asked first is answered first. */
function enterCrypto(time: StoryTime): () => void {
  const outside = Object.getOwnPropertyDescriptors(SubtleCrypto.prototype)
  let last: Promise<unknown> = Promise.resolve()
  for (const [name, { value: method }] of Object.entries(outside)) {
    if (typeof method !== 'function' || name === 'constructor') continue
    Object.defineProperty(SubtleCrypto.prototype, name, {
      ...outside[name],
      value(...args: unknown[]) {
        const before = last
        const mine = time.during(before.then(() => method.apply(this, args)))
        last = mine.catch(() => undefined)
        return mine
      },
    })
  }
  return () => void Object.defineProperties(SubtleCrypto.prototype, outside)
}

function timersOf(time: StoryTime) {
  const clear = (timer?: unknown) => {
    if (timer instanceof Timer) timer.cancel()
  }
  return {
    setTimeout: (action: Action, ms = 0, ...args: unknown[]) =>
      new Timer(time, Number(ms), () => action(...args), false),
    clearTimeout: clear,
    setInterval: (action: Action, ms = 0, ...args: unknown[]) =>
      new Timer(time, Number(ms), () => action(...args), true),
    clearInterval: clear,
    setImmediate: (action: Action, ...args: unknown[]) => time.inNextTurn(() => action(...args)),
    clearImmediate: (cancel?: unknown) => {
      if (typeof cancel === 'function') cancel()
    },
  }
}

/** What Node's timers are, as far as anybody uses them. */
class Timer {
  cancel = () => {}

  constructor(
    private readonly time: StoryTime,
    private readonly ms: number,
    private readonly action: () => void,
    private readonly repeats: boolean,
  ) {
    this.refresh()
  }

  refresh(): this {
    this.cancel()
    this.cancel = this.time.at(this.time.now() + this.ms, () => {
      if (this.repeats) this.refresh()
      this.action()
    })
    return this
  }

  ref(): this {
    return this
  }

  unref(): this {
    return this
  }
}

function abortedAfter(time: StoryTime, ms: number): AbortSignal {
  const late = new AbortController()
  time.at(time.now() + ms, () => late.abort(new DOMException('The operation timed out.', 'TimeoutError')))
  return late.signal
}

function fetchOf(send: Send): typeof fetch {
  const { preconnect } = fetch
  const inside = (input: string | URL | Request, init: RequestInit = {}) => {
    const request = new Request(input as Request, init)
    const { signal } = input instanceof Request ? input : init
    return signal ? orAborted(send(request, init), signal) : send(request, init)
  }
  return Object.assign(inside, { preconnect })
}

/** Whoever gives up hears nothing of the answer, which may come all the same. */
export function orAborted<T>(answer: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    answer.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
