import { ATLAS } from '../../src/audit'
import { objectKeyOf } from '../../src/backups/backup'
import { effects } from '../../src/db/schema'
import { applyFinding } from '../../src/reconcile/apply'
import { type FindingRow, listFindings } from '../../src/reconcile/findings'
import { beginReconciliation, type ReconcileOptions } from '../../src/reconcile/reconcile'
import type { Services } from '../../src/services'
import { checkHetzner } from '../contract/hetzner'
import { checkRoute53 } from '../contract/route53'
import { checkS3 } from '../contract/s3'
import { Estate } from '../estate'

const HOUR_MS = 3_600_000
const MOST_URGENT = { sort: 'urgency', dir: 'asc' } as const
const LATEST = { sort: 'resolved', dir: 'desc' } as const
export const ADA = 'ada.localhost'

/** A live tenant whose clouds may be changed behind Atlas's back, everything over real wires. */
export class Shore {
  private constructor(readonly estate: Estate) {}

  static async open(): Promise<Shore> {
    const estate = await Estate.approved()
    await estate.live()
    // Nobody works on runs and mails from here on: what a look queues can be read.
    const shore = new Shore(estate)
    shore.pass(HOUR_MS)
    return shore
  }

  get services(): Services {
    return this.estate.services
  }

  /** Looks once; resolves to what is open then, as `kind:remedy`. */
  async look(options: ReconcileOptions = {}): Promise<string[]> {
    await beginReconciliation(this.services, options).done
    return this.findings().map(({ kind, remedy }) => `${kind}:${remedy ?? 'by hand'}`)
  }

  findings(status: FindingRow['status'] = 'open'): FindingRow[] {
    const filter = { q: '', kind: '', status, ...(status === 'resolved' ? LATEST : MOST_URGENT) } as const
    return listFindings(this.services.db.read, filter, { number: 1, size: 100 }).rows
  }

  finding(kind: string): FindingRow {
    const found = this.findings().find((one) => one.kind === kind)
    if (!found) throw new Error(`there is no ${kind}`)
    return found
  }

  apply(kind: string): Promise<void> {
    return applyFinding(this.services, this.finding(kind).id, ATLAS)
  }

  /** Lets time go by at once. */
  pass(ms: number): void {
    this.estate.clock.advance(ms)
  }

  /** Leaves a server behind that carries these labels beside the installation's; returns its id. */
  stray(labels: Record<string, string> = {}): string {
    const { clouds, clock } = this.estate
    const order = { name: 'stray-1', server_type: 'cx23', image: 'debian-13', location: 'nbg1' }
    const atlas = this.services.settings.installationId
    return clouds.hetzner.seed({ ...order, labels: { atlas, ...labels } }, clock.now() - HOUR_MS).id
  }

  /** Points a name by hand, in Route 53's own console. */
  point(name: string, values: string[]): void {
    const record = { name, type: 'A', ttl: 60, values }
    this.estate.clouds.route53.seed(record, this.estate.clock.now() - HOUR_MS)
  }

  /** The A records that the zone has. */
  records(): [name: string, values: string[]][] {
    return this.estate.clouds.route53
      .recordSets()
      .filter(({ type }) => type === 'A')
      .map(({ name, values }) => [name, values])
  }

  /** Stores a backup an hour ago that no row knows; returns its key. */
  store(tenantId: string, bytes: Uint8Array, backupId = 'bak_forgotten'): string {
    const key = objectKeyOf(this.services.settings, tenantId, backupId)
    this.estate.clouds.s3.seed(key, bytes, this.estate.clock.now() - HOUR_MS)
    return key
  }

  /** The keys of what the backup storage has. */
  stored(): string[] {
    return this.estate.clouds.s3.stored().map(({ key }) => key)
  }

  serverNames(): string[] {
    const servers = this.estate.clouds.world.table<{ id: string; name: string }>('hetzner_server').all()
    return servers.map(({ name }) => name)
  }

  ledger() {
    const rows = this.services.db.read.select().from(effects).all()
    return rows.filter(({ runId }) => runId === null).map(({ verb, outcome }) => `${verb} ${outcome}`)
  }

  /** Where a call or an answer is not as the vendors' documents say. */
  breaches(): string[] {
    return this.estate.exchanges.flatMap((exchange) => {
      if (exchange.provider === 'hetzner') return checkHetzner(exchange)
      if (exchange.provider === 's3') return checkS3(exchange)
      return exchange.provider === 'route53' ? checkRoute53(exchange) : []
    })
  }

  close(): Promise<void> {
    return this.estate.close()
  }
}
