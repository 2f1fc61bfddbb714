import type { Database } from 'bun:sqlite'
import type { Duplex } from 'node:stream'
import { makeServices, makeWorker } from '../atlas'
import { Log } from '../log'
import type { AgentCommand, Machines } from '../providers/machines'
import type { Objects } from '../providers/objects'
import type { Recipe } from '../runs/recipe'
import type { Worker } from '../runs/worker'
import type { Services } from '../services'
import { Dead, type Fate, MortalDb, silence } from './fate'
import { requestHandler } from './request-handler'
import type { Shop } from './shop'
import { MortalClock, type StoryTime } from './time'

/** What a life is begun with. */
export type Birth = {
  shop: Shop
  time: StoryTime
  sqlite: Database
  /** The host name under which this life's requests go out. */
  host: string
  fate: Fate
  chance: () => number
  /** A connection to a machine's sshd. Throws `unavailable` where nobody listens. */
  dial: (address: string, signal: AbortSignal) => Promise<Duplex>
  /** Called before a machine is asked for something. */
  beforeCommand: (command: AgentCommand) => void
  /** What Atlas is changed to: a control that must fail, or a recipe of another version. */
  change?: (services: Services) => Services
  /** The recipes of another version of Atlas. */
  recipes?: (services: Services) => readonly Recipe[]
}

/** One process's worth of Atlas: from its start to its death. */
export class Life {
  readonly fate: Fate
  readonly host: string
  /** What it logged as errors. */
  readonly complaints: string[] = []
  /** Absent when it died while it was starting. */
  readonly services?: Services
  private readonly worker?: Worker
  private readonly clock: MortalClock
  private readonly sockets = new Set<Duplex>()

  constructor({
    shop,
    time,
    sqlite,
    host,
    fate,
    chance,
    dial,
    beforeCommand,
    change = (same) => same,
    recipes,
  }: Birth) {
    this.fate = fate
    this.host = host
    this.clock = new MortalClock(time)
    const db = new MortalDb(sqlite, fate)
    const log = new Log(
      () => time.now(),
      (line) => this.note(line),
    )
    const base = { ...shop.settings, db, clock: this.clock, log }
    const ways = {
      requestHandler,
      dial: ({ address, signal }: { address: string; signal: AbortSignal }) =>
        this.connect(dial(address, signal)),
    }
    try {
      const services = makeServices(shop.configFor(host), shop.env, base, ways)
      this.services = change({
        ...services,
        machines: mortal(services.machines, fate, beforeCommand),
        objects: services.objects && mortalObjects(services.objects, fate),
      })
      this.worker = makeWorker(this.services, { chance, recipes: recipes?.(this.services) })
      this.worker.start()
    } catch (thrown) {
      if (!(thrown instanceof Dead)) throw thrown
    }
  }

  /** Cuts what is left of a dead process: its connections and alarms. */
  bury(): void {
    this.fate.isDead = true
    this.clock.die()
    void this.worker?.stop(0)
    for (const socket of this.sockets) socket.destroy()
  }

  private async connect(opening: Promise<Duplex>): Promise<Duplex> {
    const socket = await opening
    this.sockets.add(socket)
    socket.once('close', () => this.sockets.delete(socket))
    return socket
  }

  private note(line: string): void {
    if (!this.fate.isDead && line.includes('"level":"error"')) this.complaints.push(line)
  }
}

/** The agent's verbs that change nothing: nobody can tell whether they were asked for. */
const LOOKS = new Set<AgentCommand['verb']>(['status', 'logs'])

/** Commands to machines are moments at which a life may end, like every other call that changes the outside. */
function mortal(machines: Machines, fate: Fate, before: Birth['beforeCommand']): Machines {
  return {
    close: (address) => machines.close(address),
    run: (target, command, options) => {
      before(command)
      const ask = () => machines.run(target, command, options)
      if (LOOKS.has(command.verb)) return fate.isDead ? silence() : ask()
      return change(fate, `ssh ${[command.verb, command.input.action].filter(Boolean).join(' ')}`, ask)
    },
  }
}

function mortalObjects(objects: Objects, fate: Fate): Objects {
  return {
    ...objects,
    head: (key) => (fate.isDead ? silence() : objects.head(key)),
    list: (prefix, take) => (fate.isDead ? silence() : objects.list(prefix, take)),
    read: (key, take) => (fate.isDead ? silence() : objects.read(key, take)),
    delete: (key) => change(fate, 's3 DeleteObject', () => objects.delete(key)),
  }
}

/** Makes one call that changes the outside, unless the life ends before, while or after it is made. */
export async function change<T>(fate: Fate, verb: string, call: () => Promise<T>): Promise<T> {
  if (!fate.passes(`before ${verb}`)) return silence()
  const reply = call()
  // When the life ends while it waits, the other side goes on with what it got.
  reply.catch(() => undefined)
  if (!fate.passes(`during ${verb}`)) return silence()
  await reply.catch(() => undefined)
  return fate.passes(`after ${verb}`) ? reply : silence()
}
