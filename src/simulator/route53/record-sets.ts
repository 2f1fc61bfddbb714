import { Refusal } from './answers'
import { maxItems } from './hosted-zone'
import type { Content } from './xml'
import { byPosition, canonicalName, type RecordSet, type Zone } from './zone'

/** One page of a zone's record sets, from the one that is asked for. */
export function recordSetsAnswer(zone: Zone, query: URLSearchParams): Content {
  const [name, type] = [query.get('name'), query.get('type')]
  if (type && !name) throw new Refusal(400, 'InvalidInput', 'StartRecordType needs StartRecordName')
  const start = name ? { name: canonicalName(name), type: type ?? '' } : undefined
  const sets = zone.list().filter((set) => !start || byPosition(set, start) >= 0)
  const max = maxItems(query)
  const next = sets[max]
  return [
    ['ResourceRecordSets', sets.slice(0, max).map((set) => ['ResourceRecordSet', recordSetContent(set)])],
    ['IsTruncated', next !== undefined],
    ...(next ? nextRecord(next) : []),
    ['MaxItems', max],
  ]
}

function recordSetContent(set: RecordSet): Content {
  return [
    ['Name', set.name],
    ['Type', set.type],
    ['TTL', set.ttl],
    ['ResourceRecords', set.values.map((value) => ['ResourceRecord', [['Value', value]]])],
  ]
}

function nextRecord({ name, type }: RecordSet): [string, Content][] {
  return [
    ['NextRecordName', name],
    ['NextRecordType', type],
  ]
}
