import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { ManualClock } from '../../src/clock'
import { type Db, openDb } from '../../src/db/open'
import { effects, outbox } from '../../src/db/schema'
import { Log } from '../../src/log'
import { createResend } from '../../src/providers/resend'
import { recoverRuns } from '../../src/runs/claim'
import { dismissMail, failedMails, retryMail } from '../../src/runs/failed-mails'
import { outboxLane, queueMail } from '../../src/runs/outbox'
import { Worker } from '../../src/runs/worker'
import { Front } from '../../src/simulator/front'
import { ResendTwin, type StoredMail } from '../../src/simulator/resend'
import { World } from '../../src/simulator/world'
import { plansOf } from '../query-plans'

const KEY = Buffer.alloc(32, 3)
const API_KEY = 're_outbox'

/** An outbox with its worker in front of a simulated Resend. */
class PostOffice {
  readonly clock = new ManualClock()
  readonly db: Db = openDb(':memory:', this.clock.now())
  readonly lines: string[] = []
  private readonly world = new World({ clock: this.clock })
  private readonly twin = new ResendTwin(this.world, { apiKey: API_KEY })
  readonly front = new Front(this.world, [this.twin], async () => null)
  private readonly mailer = createResend({ apiKey: API_KEY, apiUrl: `${this.front.listen(0)}/resend` })
  private worker = this.newWorker(KEY)

  newWorker(key: Uint8Array): Worker {
    const { db, clock, mailer } = this
    const log = new Log(
      () => clock.now(),
      (line) => this.lines.push(line),
    )
    const lane = outboxLane({ db, clock, log, mailer, key, chance: () => 0 })
    return new Worker(db, clock, log, [lane] as ConstructorParameters<typeof Worker>[3])
  }

  /** Another process takes over, which knows this key. */
  async restart(key: Uint8Array = KEY): Promise<void> {
    await this.worker.stop(0)
    this.db.write((tx) => recoverRuns(tx, this.clock.now()))
    this.worker = this.newWorker(key)
    this.worker.start()
  }

  queue(idempotencyKey: string, to = 'ada@example.com', html = '<p>Hello</p>'): void {
    const mail = {
      from: 'Virtues <hello@example.com>',
      to,
      subject: 'Your site is live',
      html,
      text: 'Hello',
    }
    const outgoing = { kind: 'welcome', subject: 'ten_1', idempotencyKey, mail }
    this.db.write((tx) => queueMail(tx, KEY, outgoing, this.clock.now()))
  }

  /** Works until nothing is due. */
  async deliver(): Promise<void> {
    this.worker.start()
    await this.worker.settled()
  }

  get mailbox(): StoredMail[] {
    return this.world.table<StoredMail>('resend_email').all()
  }

  get rows() {
    return this.db.read.select().from(outbox).all()
  }

  get ledger() {
    return this.db.read.select().from(effects).all()
  }

  async close(): Promise<void> {
    await this.worker.stop(0)
    await this.front.stop()
    this.world.close()
    this.db.close()
  }
}

let office: PostOffice
beforeEach(() => {
  office = new PostOffice()
})
afterEach(() => office.close())

describe('a queued mail', () => {
  test('is sent once, at once; then only that it was sent is kept', async () => {
    office.queue('welcome-1')
    await office.deliver()
    expect(office.mailbox).toMatchObject([{ to: ['ada@example.com'], idempotencyKey: 'welcome-1' }])
    const id = office.mailbox[0]?.id
    expect(office.rows).toMatchObject([{ status: 'sent', externalId: id, sealed: null, reason: null }])
    expect(office.ledger).toMatchObject([
      { provider: 'resend', key: 'welcome-1', outcome: 'done', externalId: id },
    ])
  })

  test('lies sealed until then: nothing of it can be read in the database', () => {
    office.queue('welcome-1', 'ada@example.com', '<a href="https://shop/login?token=secret-token">')
    const [row] = office.rows
    expect(Buffer.from(row?.sealed ?? []).toString('latin1')).not.toContain('secret-token')
    expect(JSON.stringify({ ...row, sealed: null })).not.toContain('secret-token')
  })

  test('is queued once a key, however often that is tried', async () => {
    for (let i = 0; i < 3; i++) office.queue('welcome-1')
    office.queue('welcome-2', 'ben@example.com')
    await office.deliver()
    office.queue('welcome-1')
    await office.deliver()
    expect(office.mailbox.map(({ to }) => to.join()).sort()).toEqual(['ada@example.com', 'ben@example.com'])
  })
})

describe('when Resend is not there', () => {
  test('a refused mail is sent later, once', async () => {
    office.front.faults.add({ provider: 'resend', verb: 'POST /emails', kind: 'refuse', times: 1 })
    office.queue('welcome-1')
    await office.deliver()
    expect(office.rows).toMatchObject([
      { status: 'queued', attempts: 1, reason: 'Resend asks to slow down.' },
    ])
    expect(office.mailbox).toHaveLength(0)
    office.clock.advance(1_000)
    await office.deliver()
    expect(office.rows).toMatchObject([{ status: 'sent' }])
    expect(office.mailbox).toHaveLength(1)
  })

  test('a mail whose reply was lost is asked for again with the same key, and arrives once', async () => {
    office.front.faults.add({ provider: 'resend', verb: 'POST /emails', kind: 'lose_reply', times: 1 })
    office.queue('welcome-1')
    await office.deliver()
    expect(office.mailbox).toHaveLength(1)
    expect(office.rows).toMatchObject([{ status: 'queued', attempts: 1 }])
    office.clock.advance(1_000)
    await office.deliver()
    expect(office.mailbox).toHaveLength(1)
    expect(office.rows).toMatchObject([{ status: 'sent', externalId: office.mailbox[0]?.id }])
    expect(office.ledger.map(({ outcome }) => outcome)).toEqual(['unknown', 'done'])
  })

  test('one that was sent by a process that died before it could say so arrives once', async () => {
    office.queue('welcome-1')
    const [unsent] = office.rows
    await office.deliver()
    office.db.write((tx) => tx.update(outbox).set(unsent!).run())
    await office.restart()
    await office.deliver()
    expect(office.mailbox).toHaveLength(1)
    expect(office.rows).toMatchObject([{ status: 'sent', externalId: office.mailbox[0]?.id }])
  })

  test('a mail is shown after twelve tries, tried for 20 hours and then given up with the last reason', async () => {
    office.front.faults.add({ provider: 'resend', verb: 'POST /emails', kind: 'refuse', times: 100 })
    office.queue('welcome-1')
    const goOn = async (tries: number, pauseMs: number) => {
      for (let left = tries; left > 0; left--) {
        await office.deliver()
        office.clock.advance(pauseMs)
      }
    }
    await goOn(11, 300_000)
    expect(failedMails(office.db.read, 10)).toEqual([])
    await goOn(1, 1_800_000)
    expect(failedMails(office.db.read, 10)).toMatchObject([{ status: 'queued', attempts: 12 }])
    await goOn(60, 1_800_000)
    expect(office.rows).toMatchObject([{ status: 'failed', reason: 'Resend asks to slow down.' }])
    expect(office.ledger).toHaveLength(51)
    expect(office.lines.join()).toContain('a mail could not be sent')
  })

  test('one whose replies were lost for a morning arrives by itself, once', async () => {
    office.front.faults.add({ provider: 'resend', verb: 'POST /emails', kind: 'lose_reply', times: 30 })
    office.queue('welcome-1')
    office.queue('welcome-2')
    for (let tries = 0; tries < 20; tries++) {
      await office.deliver()
      office.clock.advance(1_800_000)
    }
    expect(office.rows.map(({ status }) => status)).toEqual(['sent', 'sent'])
    expect(office.mailbox).toHaveLength(2)
  })

  describe('one whose reply was lost just before Atlas was off for a day', () => {
    const nowMs = () => office.clock.now()
    beforeEach(async () => {
      office.front.faults.add({ provider: 'resend', verb: 'POST /emails', kind: 'lose_reply', times: 1 })
      office.queue('welcome-1')
      await office.deliver()
      office.clock.advance(23 * 3_600_000)
      await office.deliver()
    })

    test('is not sent again by itself: it waits for a person, with the reason', async () => {
      expect(office.mailbox).toHaveLength(1)
      expect(failedMails(office.db.read, 10)).toMatchObject([
        { status: 'failed', reason: expect.stringContaining('Nobody knows whether this mail has arrived') },
      ])
    })

    test('is sent again when a person says so, under a key that has no past, and once', async () => {
      office.db.write((tx) => retryMail(tx, office.rows[0]!.id, { id: 'test' }, nowMs()))
      office.front.faults.add({ provider: 'resend', verb: 'POST /emails', kind: 'lose_reply', times: 1 })
      await office.deliver()
      office.clock.advance(1_000)
      await office.deliver()
      expect(office.rows).toMatchObject([{ status: 'sent', externalId: office.mailbox[1]?.id }])
      expect(office.mailbox).toHaveLength(2)
    })

    test('is off the list when a person dismisses it, and nothing of it is left to be read', async () => {
      const dismiss = () =>
        office.db.write((tx) => dismissMail(tx, office.rows[0]!.id, { id: 'test' }, nowMs()))
      dismiss()
      expect(failedMails(office.db.read, 10)).toEqual([])
      expect(office.rows).toMatchObject([{ status: 'failed', dismissedAt: nowMs(), sealed: null }])
      expect(dismiss).toThrow('Only a mail that has failed')
      await office.deliver()
      expect(office.mailbox).toHaveLength(1)
    })
  })

  test('one that Resend refused is sent after a day too: it can’t have arrived', async () => {
    office.front.faults.add({ provider: 'resend', verb: 'POST /emails', kind: 'refuse', times: 1 })
    office.queue('welcome-1')
    await office.deliver()
    office.clock.advance(30 * 3_600_000)
    await office.deliver()
    expect(office.rows).toMatchObject([{ status: 'sent' }])
    expect(office.mailbox).toHaveLength(1)
  })

  test('one whose reply was lost less than 23 hours ago is asked for again under its key', async () => {
    office.front.faults.add({ provider: 'resend', verb: 'POST /emails', kind: 'lose_reply', times: 1 })
    office.queue('welcome-1')
    await office.deliver()
    office.clock.advance(23 * 3_600_000 - 1)
    await office.deliver()
    expect(office.rows).toMatchObject([{ status: 'sent' }])
    expect(office.mailbox).toHaveLength(1)
  })

  test('one that is late is sent when somebody asks for it', async () => {
    office.front.faults.add({ provider: 'resend', verb: 'POST /emails', kind: 'refuse', times: 12 })
    office.queue('welcome-1')
    for (let tries = 0; tries < 11; tries++) {
      await office.deliver()
      office.clock.advance(300_000)
    }
    await office.deliver()
    const ask = () =>
      office.db.write((tx) => retryMail(tx, office.rows[0]!.id, { id: 'test' }, office.clock.now()))
    ask()
    expect(ask).toThrow('Only a mail that has failed')
    await office.deliver()
    expect(office.rows).toMatchObject([{ status: 'sent' }])
  })
})

describe('what can’t be sent', () => {
  test('fails at once with the reason, and holds up no other mail', async () => {
    office.queue('welcome-1', 'not an address')
    office.queue('welcome-2')
    await office.deliver()
    const [bad, good] = office.rows
    expect(bad).toMatchObject({ status: 'failed', attempts: 1, reason: 'Resend does not accept this mail.' })
    expect(good?.status).toBe('sent')
    office.clock.advance(3_600_000)
    await office.deliver()
    expect(office.ledger).toHaveLength(2)
  })

  test('because another key sealed it, fails without asking Resend', async () => {
    office.queue('welcome-1')
    await office.restart(Buffer.alloc(32, 9))
    await office.deliver()
    expect(office.rows).toMatchObject([{ status: 'failed' }])
    expect(office.ledger).toHaveLength(0)
  })
})

test('mails in trouble are found without reading all that were ever sent', () => {
  const plans = plansOf(office.db.sqlite, () => failedMails(office.db.read, 10))
  expect(plans.filter((line) => /^(SCAN|SEARCH)/.test(line))).toEqual([
    'SEARCH outbox USING INDEX outbox_failed (created_at>?)',
    'SEARCH outbox USING INDEX outbox_due (available_at>?)',
  ])
})
