import { isIPv4, isIPv6 } from 'node:net'
import type { Table, World } from '../world'

export type RecordSet = { name: string; type: string; ttl: number; values: string[] }
export type Change = { action: 'CREATE' | 'DELETE' | 'UPSERT'; set: RecordSet }

/** Thrown when a batch can't be applied; nothing of it was. */
export class InvalidBatch extends Error {
  constructor(readonly problems: string[]) {
    super(`[${problems.join(', ')}]`)
  }
}

type StoredSet = RecordSet & { id: string }
/** What the name servers answer, from when on; null for no such record. */
type Answers = { id: string; steps: { fromMs: number; set: RecordSet | null }[] }

const RECORD_LIMIT = 10_000
const FULL =
  'Limits Exceeded: MAX_RRSETS_BY_ZONE - Cannot create more resource record sets in this hosted zone.'

/** One hosted zone: the record sets as the API knows them, and as the name servers answer them a little later. */
export class Zone {
  private readonly sets: Table<StoredSet>
  private readonly positions = new WeakMap<RecordSet, string>()
  private readonly answers: Table<Answers>

  constructor(
    private readonly world: World,
    readonly id: string,
    readonly name: string,
    public recordLimit = RECORD_LIMIT,
  ) {
    this.sets = world.table<StoredSet>('route53_record_set')
    this.answers = world.table<Answers>('route53_answers')
    if (this.sets.all().length === 0) for (const set of delegation(name)) this.put(set, world.now())
  }

  /** Applies all changes, visible to resolvers from `insyncAtMs` on, or throws `InvalidBatch` and applies none. */
  apply(changes: Change[], insyncAtMs: number): void {
    const draft = new Map(this.sets.all().map((set) => [set.id, set as RecordSet]))
    const problems = changes.flatMap((change) => this.applyTo(draft, change))
    if (draft.size > Math.max(this.size, this.recordLimit)) problems.push(FULL)
    if (problems.length > 0) throw new InvalidBatch(problems)
    for (const key of new Set(changes.map(({ set }) => keyOf(set)))) {
      const set = draft.get(key)
      if (set) this.put(set, insyncAtMs)
      else this.drop(key, insyncAtMs)
    }
  }

  get size(): number {
    return this.sets.size
  }

  /** Puts a record set there that resolvers have known since `insyncAtMs`. */
  seed(set: RecordSet, insyncAtMs: number): void {
    this.put(set, insyncAtMs)
  }

  /** Every record set in Route 53's order: by reversed labels, then by type. */
  list(): RecordSet[] {
    const sets = this.sets.all()
    return sets.sort((a, b) => compare(this.positionOf(a), this.positionOf(b)) || compare(a.type, b.type))
  }

  private positionOf(set: RecordSet): string {
    const position = this.positions.get(set) ?? positionOf(set.name)
    this.positions.set(set, position)
    return position
  }

  /** What a resolver is told now about `name`, wildcards included. */
  answer(name: string, type: string): RecordSet | undefined {
    const wanted = canonicalName(name)
    const parents = wanted.split('.').map((_, index, labels) => `\\052.${labels.slice(index + 1).join('.')}`)
    for (const candidate of [wanted, ...parents]) {
      const steps = this.answers.get(keyOf({ name: candidate, type }))?.steps ?? []
      const set = steps.findLast((step) => step.fromMs <= this.world.now())?.set
      if (set) return set
    }
    return undefined
  }

  private applyTo(draft: Map<string, RecordSet>, { action, set }: Change): string[] {
    const key = keyOf(set)
    const known = draft.get(key)
    const label = `[name='${set.name}', type='${set.type}']`
    const problems = this.problemsOf(draft, set)
    if (action === 'DELETE') {
      if (!known) return [`Tried to delete resource record set ${label} but it was not found`]
      if (!equal(known, set)) {
        return [
          `Tried to delete resource record set ${label} but the values provided do not match the current values`,
        ]
      }
      draft.delete(key)
      return []
    }
    if (action === 'CREATE' && known) {
      problems.push(`Tried to create resource record set ${label} but it already exists`)
    }
    if (problems.length === 0) draft.set(key, set)
    return problems
  }

  private problemsOf(draft: Map<string, RecordSet>, set: RecordSet): string[] {
    const problems: string[] = []
    if (set.name !== this.name && !set.name.endsWith(`.${this.name}`)) {
      problems.push(`RRSet with DNS name ${set.name} is not permitted in zone ${this.name}`)
    }
    const rival = [...draft.values()].find(
      (other) => other.name === set.name && (other.type === 'CNAME') !== (set.type === 'CNAME'),
    )
    if (rival) {
      problems.push(
        `RRSet of type ${set.type} with DNS name ${set.name} is not permitted because a conflicting RRSet of type ${rival.type} with the same DNS name already exists in zone ${this.name}`,
      )
    }
    return [...problems, ...set.values.flatMap((value, index) => problemsOfValue(set, value, index))]
  }

  private put(set: RecordSet, insyncAtMs: number): void {
    const id = keyOf(set)
    this.sets.put({ ...set, id })
    this.addStep(id, insyncAtMs, set)
  }

  private drop(id: string, insyncAtMs: number): void {
    this.sets.delete(id)
    this.addStep(id, insyncAtMs, null)
  }

  private addStep(id: string, fromMs: number, set: RecordSet | null): void {
    const steps = this.answers.get(id)?.steps ?? []
    const current = steps.findLastIndex((step) => step.fromMs <= this.world.now())
    this.answers.put({ id, steps: [...steps.slice(Math.max(0, current)), { fromMs, set }] })
  }
}

/** A name as Route 53 keeps it: lower case, trailing dot, octal escapes such as `\052` for `*`. */
export function canonicalName(name: string): string {
  const escaped = name.toLowerCase().replace(/\\(\d{3})|[^a-z0-9._-]/g, (character, octal?: string) => {
    if (octal) return character
    return `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`
  })
  return escaped.endsWith('.') ? escaped : `${escaped}.`
}

/** Orders record sets as ListResourceRecordSets does: `com.example.www` before `com.example.www2`, then by type. */
export function byPosition(a: Pick<RecordSet, 'name' | 'type'>, b: Pick<RecordSet, 'name' | 'type'>): number {
  return compare(positionOf(a.name), positionOf(b.name)) || compare(a.type, b.type)
}

function positionOf(name: string): string {
  return `${name.split('.').filter(Boolean).reverse().join('.')}.`
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function keyOf({ name, type }: Pick<RecordSet, 'name' | 'type'>): string {
  return `${name} ${type}`
}

function equal(a: RecordSet, b: RecordSet): boolean {
  return a.ttl === b.ttl && a.values.toSorted().join('\n') === b.values.toSorted().join('\n')
}

function problemsOfValue(set: RecordSet, value: string, index: number): string[] {
  if (set.values.indexOf(value) !== index) return [`Duplicate Resource Record: '${value}'`]
  const fatal = (why: string) => [
    `Invalid Resource Record: 'FATAL problem: ${why} encountered with '${value}''`,
  ]
  if (set.type === 'A' && !isIPv4(value))
    return fatal('ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address)')
  if (set.type === 'AAAA' && !isIPv6(value)) {
    return fatal('AAAARRDATAIllegalIPv6Address (Value is not a valid IPv6 address)')
  }
  return []
}

/** The two record sets that every zone is born with. */
function delegation(name: string): RecordSet[] {
  const soa = `${NAME_SERVERS[0]} awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400`
  return [
    { name, type: 'NS', ttl: 172_800, values: NAME_SERVERS },
    { name, type: 'SOA', ttl: 900, values: [soa] },
  ]
}

export const NAME_SERVERS = [
  'ns-2048.awsdns-64.com.',
  'ns-2049.awsdns-65.net.',
  'ns-2050.awsdns-66.org.',
  'ns-2051.awsdns-67.co.uk.',
]
