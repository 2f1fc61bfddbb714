import type { Database } from 'bun:sqlite'
import { Db, type Tx } from '../../src/db/open'
import type { Services } from '../../src/services'

/** What a process that has died would do: nothing. */
export class Dead extends Error {}

/**
 * Says when a life ends. Every commit and every call that changes the outside world passes here before it happens,
 * when it has been sent, and when its reply is there; a process that has died gets no further.
 */
export class Fate {
  /** What was passed, in order. */
  readonly moments: string[] = []
  readonly death = Promise.withResolvers<void>()
  isDead = false

  /** The life ends at the moment with this number or, for the first time, this name; else it goes on. */
  constructor(private readonly deathAt?: number | string) {}

  /** Throws from the moment of death on. */
  pass(moment: string): void {
    if (this.isDead) throw new Dead()
    const number = this.moments.push(moment) - 1
    if (number !== this.deathAt && moment !== this.deathAt) return
    this.isDead = true
    this.death.resolve()
    throw new Dead(moment)
  }
}

/** The database as one life sees it. */
export class MortalDb extends Db {
  constructor(
    sqlite: Database,
    private readonly fate: Fate,
  ) {
    super(sqlite)
  }

  override write<T>(work: (tx: Tx) => T): T {
    this.fate.pass('commit')
    return super.write(work)
  }
}

type Outside = Pick<Services, 'cloud' | 'dns' | 'machines' | 'mailer' | 'payments'>

/** The outside world as one life reaches it. */
export function mortal({ cloud, dns, machines, mailer, payments }: Outside, fate: Fate): Outside {
  async function send<T>(verb: string, call: () => Promise<T>): Promise<T> {
    fate.pass(`before ${verb}`)
    const reply = call()
    // When the life ends while it waits, the other side goes on with what it got.
    reply.catch(() => undefined)
    fate.pass(`during ${verb}`)
    try {
      return await reply
    } finally {
      fate.pass(`after ${verb}`)
    }
  }
  return {
    cloud: withMethods(cloud, {
      ensureFirewall: (spec) => send('ensureFirewall', () => cloud.ensureFirewall(spec)),
      ensureServer: (spec) => send('ensureServer', () => cloud.ensureServer(spec)),
      deleteServer: (id) => send('deleteServer', () => cloud.deleteServer(id)),
    }),
    dns: withMethods(dns, {
      upsertRecord: (record) => send('upsertRecord', () => dns.upsertRecord(record)),
      deleteRecord: (record) => send('deleteRecord', () => dns.deleteRecord(record)),
    }),
    machines: withMethods(machines, {
      run: (target, command, options) => {
        if (command.verb === 'status' || command.verb === 'logs')
          return machines.run(target, command, options)
        const verb = [command.verb, command.input.action].filter(Boolean).join(' ')
        return send(verb, () => machines.run(target, command, options))
      },
    }),
    mailer: { send: (mail, key) => send(`send ${key.split('-')[0]}`, () => mailer.send(mail, key)) },
    payments: withMethods(payments, {
      createCheckout: (request) => send('createCheckout', () => payments.createCheckout(request)),
      expireCheckout: (id) => send('expireCheckout', () => payments.expireCheckout(id)),
    }),
  }
}

/** The same object with some of its methods replaced. */
export function withMethods<T extends object>(original: T, replaced: Partial<T>): T {
  return new Proxy(original, {
    get(target, name) {
      const value: unknown = Reflect.get(replaced, name) ?? Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
