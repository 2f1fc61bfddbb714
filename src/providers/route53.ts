import type { ResourceRecordSet, Route53Client, Route53ClientConfig } from '@aws-sdk/client-route-53'
import { type Clock, sleep } from '../clock'
import { AtlasError } from '../errors'
import type { Dns, DnsRecord } from './dns'
import { asRoute53Error, isAlreadyGone, replyLost } from './route53/errors'

export type Route53Settings = {
  accessKeyId: string
  secretAccessKey: string
  hostedZoneId: string
  apiUrl?: string
  clock: Clock
  timeoutMs?: number
  /** What sends the SDK's requests instead of its own connections. */
  requestHandler?: Route53ClientConfig['requestHandler']
}

type Sdk = typeof import('@aws-sdk/client-route-53')
type Call = { sdk: Sdk; client: Route53Client; abortSignal: AbortSignal }

const TIMEOUT_MS = 15_000
const PAGE_ITEMS = 300
const PAGES_MAX = 1000
// A large zone has more pages than the five requests a second that AWS allows.
const PAGE_TRIES_MAX = 5

/** Amazon Route 53 through its own SDK, for one hosted zone. Rejects with AtlasError only. */
export function createRoute53(settings: Route53Settings): Dns {
  const { hostedZoneId: HostedZoneId, clock, timeoutMs = TIMEOUT_MS } = settings
  let connected: Promise<Omit<Call, 'abortSignal'>> | undefined

  async function call<T>(action: (call: Call) => Promise<T>): Promise<T> {
    connected ??= connect(settings)
    const { sdk, client } = await connected
    const abort = new AbortController()
    const cancel = clock.at(clock.now() + timeoutMs, () => abort.abort())
    try {
      return await action({ sdk, client, abortSignal: abort.signal })
    } catch (thrown) {
      throw asRoute53Error(thrown)
    } finally {
      cancel()
    }
  }

  async function change(action: 'UPSERT' | 'DELETE', record: DnsRecord): Promise<{ changeId: string }> {
    const ChangeBatch = { Changes: [{ Action: action, ResourceRecordSet: asRecordSet(record) }] }
    return call(async ({ sdk, client, abortSignal }) => {
      const command = new sdk.ChangeResourceRecordSetsCommand({ HostedZoneId, ChangeBatch })
      const { ChangeInfo } = await client.send(command, { abortSignal })
      if (!ChangeInfo?.Id) throw replyLost('incomplete answer')
      return { changeId: ChangeInfo.Id.replace('/change/', '') }
    })
  }

  async function page(start: Start, items: number): Promise<{ sets: ResourceRecordSet[]; next?: Start }> {
    return call(async ({ sdk, client, abortSignal }) => {
      const command = new sdk.ListResourceRecordSetsCommand({ HostedZoneId, MaxItems: items, ...start })
      const answer = await client.send(command, { abortSignal })
      const { NextRecordName, NextRecordType, NextRecordIdentifier } = answer
      const next = {
        StartRecordName: NextRecordName,
        StartRecordType: NextRecordType,
        StartRecordIdentifier: NextRecordIdentifier,
      }
      return { sets: answer.ResourceRecordSets ?? [], next: answer.IsTruncated ? next : undefined }
    })
  }

  async function patientPage(start: Start, tries = 1): ReturnType<typeof page> {
    try {
      return await page(start, PAGE_ITEMS)
    } catch (thrown) {
      const waitMs = thrown instanceof AtlasError ? thrown.retryAfterMs : undefined
      if (waitMs === undefined || tries >= PAGE_TRIES_MAX) throw thrown
      await sleep(clock, waitMs)
      return patientPage(start, tries + 1)
    }
  }

  return {
    upsertRecord: (record) => change('UPSERT', record),

    async deleteRecord(record) {
      try {
        return await change('DELETE', record)
      } catch (thrown) {
        if (isAlreadyGone(thrown)) return null
        throw thrown
      }
    },

    async getChange(changeId) {
      return call(async ({ sdk, client, abortSignal }) => {
        const { ChangeInfo } = await client.send(new sdk.GetChangeCommand({ Id: changeId }), { abortSignal })
        return ChangeInfo?.Status === 'INSYNC' ? 'insync' : 'pending'
      })
    },

    async findRecord(name, type) {
      const wanted = plainName(name)
      const { sets } = await page({ StartRecordName: wanted, StartRecordType: type }, 1)
      return recordsOf(sets).find((record) => record.name === wanted && record.type === type) ?? null
    },

    async listRecords() {
      const records: DnsRecord[] = []
      let start: Start = {}
      for (let pages = 0; pages < PAGES_MAX; pages++) {
        const { sets, next } = await patientPage(start)
        records.push(...recordsOf(sets))
        if (!next) return records
        start = next
      }
      throw new AtlasError('internal', `The hosted zone has more than ${PAGES_MAX * PAGE_ITEMS} records.`)
    },

    async getRecordLimit() {
      return call(async ({ sdk, client, abortSignal }) => {
        const command = new sdk.GetHostedZoneLimitCommand({ HostedZoneId, Type: 'MAX_RRSETS_BY_ZONE' })
        const { Limit, Count } = await client.send(command, { abortSignal })
        if (Limit?.Value === undefined || Count === undefined) throw replyLost('incomplete answer')
        return { used: Count, limit: Limit.Value }
      })
    },
  }
}

type Start = Pick<
  NonNullable<ConstructorParameters<Sdk['ListResourceRecordSetsCommand']>[0]>,
  'StartRecordName' | 'StartRecordType' | 'StartRecordIdentifier'
>

/** A DNS name in Atlas's form: lower case, no trailing dot, AWS's octal escapes (`\052` is `*`) undone. */
export function plainName(name: string): string {
  const unescaped = name.replace(/\\(\d{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  )
  return unescaped.toLowerCase().replace(/\.$/, '')
}

// Loaded at the first call only: the SDK costs 120 ms and some memory that a start should not pay.
async function connect(settings: Route53Settings): Promise<Omit<Call, 'abortSignal'>> {
  const sdk = await import('@aws-sdk/client-route-53')
  const client = new sdk.Route53Client({
    region: 'us-east-1',
    endpoint: settings.apiUrl,
    credentials: { accessKeyId: settings.accessKeyId, secretAccessKey: settings.secretAccessKey },
    // One attempt: the run that asked retries with its own back-off, and must see an unknown outcome.
    maxAttempts: 1,
    requestHandler: settings.requestHandler,
  })
  return { sdk, client }
}

function asRecordSet(record: DnsRecord): ResourceRecordSet {
  return {
    Name: plainName(record.name),
    Type: record.type,
    TTL: record.ttlSeconds,
    ResourceRecords: record.values.map((Value) => ({ Value })),
  }
}

// An alias has neither values nor a TTL of its own; it is listed, so that nobody takes its name for free.
function recordsOf(sets: ResourceRecordSet[]): DnsRecord[] {
  return sets.flatMap(({ Name, Type, TTL, ResourceRecords }) => {
    if (!Name || (Type !== 'A' && Type !== 'AAAA')) return []
    const values = (ResourceRecords ?? []).flatMap(({ Value }) => Value ?? [])
    return [{ name: plainName(Name), type: Type, values, ttlSeconds: TTL ?? 0 }]
  })
}
