import { BadXml, child, type Element, NAMESPACE, parse } from './xml'
import { type Change, canonicalName } from './zone'

/** Thrown for a body that Route 53 would not even try; `code` is AWS's. */
export class UnreadableBatch extends Error {
  constructor(
    message: string,
    readonly code = 'InvalidInput',
  ) {
    super(message)
  }
}

const CHANGES_MAX = 1000
const TYPES = ['A', 'AAAA', 'CAA', 'CNAME', 'MX', 'NS', 'PTR', 'SOA', 'SRV', 'TXT']

/** Reads a ChangeResourceRecordSetsRequest; throws `UnreadableBatch` for what is malformed. */
export function readChangeBatch(body: string): { comment?: string; changes: Change[] } {
  const batch = child(readRoot(body), 'ChangeBatch')
  const changes = child(batch, 'Changes')?.children.map(readChange) ?? []
  if (changes.length === 0) throw new UnreadableBatch('ChangeBatch needs at least one Change')
  const cost = changes.reduce((sum, change) => sum + weightOf(change), 0)
  if (cost > CHANGES_MAX) {
    throw new UnreadableBatch(`[Number of records limit of ${CHANGES_MAX} exceeded.]`, 'InvalidChangeBatch')
  }
  return { comment: child(batch, 'Comment')?.text, changes }
}

function readRoot(body: string): Element {
  try {
    const root = parse(body)
    if (root.name === 'ChangeResourceRecordSetsRequest' && root.xmlns === NAMESPACE) return root
  } catch (thrown) {
    if (!(thrown instanceof BadXml)) throw thrown
  }
  throw new UnreadableBatch('Unparseable request body', 'MalformedInput')
}

function readChange(change: Element): Change {
  const action = child(change, 'Action')?.text
  if (action !== 'CREATE' && action !== 'DELETE' && action !== 'UPSERT') {
    throw new UnreadableBatch('Action must be one of CREATE, DELETE, UPSERT')
  }
  const element = child(change, 'ResourceRecordSet')
  const [name, type] = [child(element, 'Name')?.text, child(element, 'Type')?.text]
  if (!name || !type || !TYPES.includes(type))
    throw new UnreadableBatch('ResourceRecordSet needs a Name and a Type')
  const ttl = child(element, 'TTL')?.text ?? ''
  const values =
    child(element, 'ResourceRecords')?.children.map((record) => child(record, 'Value')?.text ?? '') ?? []
  if (!/^\d{1,10}$/.test(ttl) || Number(ttl) > 2 ** 31 - 1 || values.length === 0 || values.includes('')) {
    throw new UnreadableBatch(
      `Invalid request: Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or TrafficPolicyInstanceId], but found none in Change with [Action=${action}, Name=${name}, Type=${type}, SetIdentifier=null]`,
    )
  }
  if (element?.children.some((one) => !SIMPLE.includes(one.name))) {
    throw new UnreadableBatch('The simulated Route 53 knows simple record sets only')
  }
  return { action, set: { name: canonicalName(name), type, ttl: Number(ttl), values } }
}

const SIMPLE = ['Name', 'Type', 'TTL', 'ResourceRecords']

// Route 53 counts an UPSERT twice, as it may delete and create.
function weightOf({ action, set }: Change): number {
  return set.values.length * (action === 'UPSERT' ? 2 : 1)
}
