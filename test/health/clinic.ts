import { eq } from 'drizzle-orm'
import type { ManualClock } from '../../src/clock'
import { healthChecks, incidents, runs, servers, tenants } from '../../src/db/schema'
import { healthLane } from '../../src/health/lane'
import type { ProbeAnswer, ProbeRequest } from '../../src/providers/probe'
import { Worker } from '../../src/runs/worker'
import { openStage, type Stage } from '../stage'

const WELL: ProbeAnswer = { ok: true, status: 200, body: '', tookMs: 12 }
export const REFUSED = { ok: false, reason: 'The server refused the connection.', tookMs: 3 } as const

/** Active tenants `t0`, `t1`, … on a stage, checked by a worker whose only lane is health. */
export class Clinic {
  /** What each question was, in order. */
  readonly asked: { name: string; atMs: number; request: ProbeRequest }[] = []
  /** Who does not answer well, by name. */
  readonly ill = new Map<string, ProbeAnswer>()
  /** Waited for before every answer. */
  beforeAnswer: (name: string) => Promise<void> | void = () => {}
  commits = 0
  mostAtOnce = 0
  private atOnce = 0
  private worker: Worker

  private constructor(
    readonly stage: Stage,
    readonly template: string,
  ) {
    stage.services.probe = { get: (request) => this.answer(request) }
    stage.services.db.onCommit(() => void this.commits++)
    this.worker = this.start()
  }

  static async open(size: number): Promise<Clinic> {
    const stage = openStage()
    const { tenantId, runId } = await stage.tenant('template')
    const { db } = stage.services
    db.write((tx) => {
      tx.update(runs).set({ status: 'cancelled', finishedAt: 0 }).where(eq(runs.id, runId)).run()
      tx.update(tenants).set({ status: 'failed' }).where(eq(tenants.id, tenantId)).run()
    })
    const clinic = new Clinic(stage, tenantId)
    for (let i = 0; i < size; i++) clinic.admit(`t${i}`)
    return clinic
  }

  get db() {
    return this.stage.services.db
  }

  get clock(): ManualClock {
    return this.stage.clock
  }

  /** One more active tenant. */
  admit(name: string): void {
    const { template, db } = this
    db.write((tx) => {
      const like = tx.select().from(tenants).where(eq(tenants.id, template)).get()
      if (!like) throw new Error('the template is gone')
      const more = { subdomain: name, skeleton: name, signupId: null, status: 'active' as const }
      tx.insert(tenants)
        .values({ ...like, id: `ten_${name}`, ...more })
        .run()
      const server = { id: `srv_${name}`, tenantId: `ten_${name}`, name, ipv4: '203.0.113.9' }
      tx.insert(servers)
        .values({ ...server, provider: 'hetzner', createdAt: this.clock.now() })
        .run()
    })
  }

  /** As when Atlas goes. */
  stop(): Promise<void> {
    return this.worker.stop(0)
  }

  /** As when it starts again. */
  restart(): void {
    this.worker = this.start()
  }

  /** Lets time go by, some seconds at a time, and every check that becomes due be answered. */
  async pass(minutes: number): Promise<void> {
    const until = this.clock.now() + minutes * 60_000
    while (this.clock.now() < until) {
      this.clock.advance(Math.min(5_000, until - this.clock.now()))
      await this.worker.settled()
    }
  }

  settled(): Promise<void> {
    return this.worker.settled()
  }

  check(name: string) {
    return this.db.read
      .select()
      .from(healthChecks)
      .where(eq(healthChecks.tenantId, `ten_${name}`))
      .get()
  }

  incidents() {
    return this.db.read.select().from(incidents).all()
  }

  /** The subjects of the operator's mails about health, in order. */
  mails(): string[] {
    return this.stage
      .mails()
      .map(({ subject }) => subject)
      .filter((subject) => /answer|outage/.test(subject))
  }

  async close(): Promise<void> {
    await this.worker.stop(0)
    await this.stage.close()
  }

  private start(): Worker {
    const { db, clock, log } = this.stage.services
    const worker = new Worker(db, clock, log, [healthLane(this.stage.services) as never])
    worker.start()
    return worker
  }

  private async answer(request: ProbeRequest): Promise<ProbeAnswer> {
    const name = new URL(request.url).hostname.split('.')[0] ?? ''
    this.asked.push({ name, atMs: this.clock.now(), request })
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.atOnce)
    await this.beforeAnswer(name)
    this.atOnce--
    return this.ill.get(name) ?? WELL
  }
}
