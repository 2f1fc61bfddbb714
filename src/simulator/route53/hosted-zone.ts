import { Refusal } from './answers'
import type { Content } from './xml'
import { byPosition, canonicalName, NAME_SERVERS, type Zone } from './zone'

const ITEMS_MAX = 300

/** The hosted zone and its name servers. */
export function zoneAnswer(zone: Zone): Content {
  const servers: Content = NAME_SERVERS.map((server) => ['NameServer', server.replace(/\.$/, '')])
  return [
    ['HostedZone', hostedZone(zone)],
    ['DelegationSet', [['NameServers', servers]]],
  ]
}

/** How many record sets the zone may have, and has. */
export function limitAnswer(zone: Zone, type: string): Content {
  if (type === 'MAX_VPCS_ASSOCIATED_BY_ZONE') {
    throw new Refusal(400, 'HostedZoneNotPrivate', 'The specified hosted zone is a public hosted zone.')
  }
  if (type !== 'MAX_RRSETS_BY_ZONE') throw new Refusal(400, 'InvalidInput', 'Unknown type of limit')
  const limit: Content = [
    ['Type', type],
    ['Value', zone.recordLimit],
  ]
  return [
    ['Limit', limit],
    ['Count', zone.size],
  ]
}

/** All zones of the account: this one. */
export function zonesAnswer(zone: Zone, query: URLSearchParams): Content {
  return [
    ['HostedZones', [['HostedZone', hostedZone(zone)]]],
    ['Marker', query.get('marker') ?? ''],
    ['IsTruncated', false],
    ['MaxItems', maxItems(query)],
  ]
}

/** The zones from a name on: this one, or none. */
export function zonesByNameAnswer(zone: Zone, query: URLSearchParams): Content {
  const from = query.get('dnsname')
  const here = { name: zone.name, type: '' }
  const listed = !from || byPosition(here, { name: canonicalName(from), type: '' }) >= 0
  const named: Content = from ? [['DNSName', canonicalName(from)]] : []
  return [
    ['HostedZones', listed ? [['HostedZone', hostedZone(zone)]] : []],
    ...named,
    ['IsTruncated', false],
    ['MaxItems', maxItems(query)],
  ]
}

/** How many a page holds. Throws what Route 53 refuses a strange number with. */
export function maxItems(query: URLSearchParams): number {
  const asked = query.get('maxitems')
  if (asked === null) return ITEMS_MAX
  if (!/^[1-9]\d{0,4}$/.test(asked))
    throw new Refusal(400, 'InvalidInput', 'MaxItems must be a positive number')
  return Math.min(ITEMS_MAX, Number(asked))
}

function hostedZone(zone: Zone): Content {
  return [
    ['Id', `/hostedzone/${zone.id}`],
    ['Name', zone.name],
    ['CallerReference', 'atlas-simulator'],
    ['Config', [['PrivateZone', false]]],
    ['ResourceRecordSetCount', zone.size],
  ]
}
