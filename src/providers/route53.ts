import type { ResourceRecordSet, Route53Client, Route53ClientConfig } from '@aws-sdk/client-route-53'
import { AtlasError, type ErrorCode } from '../errors'
import type { Dns, DnsRecord } from './dns'

export type Route53Settings = {
  accessKeyId: string
  secretAccessKey: string
  hostedZoneId: string
  apiUrl?: string
  timeoutMs?: number
  /** What sends the SDK's requests instead of its own connections. */
  requestHandler?: Route53ClientConfig['requestHandler']
}

type Sdk = typeof import('@aws-sdk/client-route-53')
type Call = { sdk: Sdk; client: Route53Client; abortSignal: AbortSignal }

const TIMEOUT_MS = 15_000
const PAGE_ITEMS = 300
const PAGES_MAX = 1000

/** Amazon Route 53 through its own SDK, for one hosted zone. Rejects with AtlasError only. */
export function createRoute53(settings: Route53Settings): Dns {
  const HostedZoneId = settings.hostedZoneId
  const timeoutMs = settings.timeoutMs ?? TIMEOUT_MS
  let connected: Promise<Omit<Call, 'abortSignal'>> | undefined

  async function call<T>(action: (call: Call) => Promise<T>): Promise<T> {
    connected ??= connect(settings)
    const { sdk, client } = await connected
    try {
      return await action({ sdk, client, abortSignal: AbortSignal.timeout(timeoutMs) })
    } catch (thrown) {
      throw asRoute53Error(thrown)
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
        const { sets, next } = await page(start, PAGE_ITEMS)
        records.push(...recordsOf(sets))
        if (!next) return records
        start = next
      }
      throw new AtlasError('internal', `The hosted zone has more than ${PAGES_MAX * PAGE_ITEMS} records.`)
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

type Meaning = { code: ErrorCode; message: string; retryAfterMs?: number }

const BUSY: Meaning = {
  code: 'unavailable',
  message: 'Route 53 asks to slow down. It allows five requests a second for the whole AWS account.',
  retryAfterMs: 1000,
}
const KEY_REFUSED: Meaning = {
  code: 'unauthorized',
  message: 'AWS does not accept the access key. Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.',
}

/** Route 53's error codes in our words; every one of them says that nothing was changed. */
const MEANINGS: Record<string, Meaning> = {
  Throttling: BUSY,
  ThrottlingException: BUSY,
  PriorRequestNotComplete: {
    code: 'unavailable',
    message: 'Route 53 is still working on an earlier change of this zone.',
    retryAfterMs: 1000,
  },
  AccessDenied: {
    code: 'unauthorized',
    message:
      'The AWS key may not do this. It needs route53:ChangeResourceRecordSets, route53:ListResourceRecordSets and route53:GetChange.',
  },
  InvalidClientTokenId: KEY_REFUSED,
  UnrecognizedClientException: KEY_REFUSED,
  MissingAuthenticationToken: KEY_REFUSED,
  IncompleteSignature: KEY_REFUSED,
  SignatureDoesNotMatch: {
    code: 'unauthorized',
    message:
      "AWS does not accept the signature. Check AWS_SECRET_ACCESS_KEY, and that this server's clock is right.",
  },
  NoSuchHostedZone: {
    code: 'not_found',
    message: 'Route 53 has no such hosted zone in this account. Check HOSTED_ZONE_ID.',
  },
  NoSuchChange: { code: 'not_found', message: 'Route 53 does not know this change.' },
  InvalidChangeBatch: { code: 'invalid', message: 'Route 53 refuses this record in this hosted zone.' },
  InvalidInput: { code: 'invalid', message: 'Route 53 does not accept this request.' },
}

const GONE: Meaning = { code: 'not_found', message: 'The DNS record does not exist.' }
const DIFFERENT: Meaning = {
  code: 'conflict',
  message: 'The DNS record has other values than expected; it was not deleted.',
}
const TAKEN: Meaning = { code: 'conflict', message: 'Another kind of DNS record already has this name.' }

function asRoute53Error(thrown: unknown): AtlasError {
  if (thrown instanceof AtlasError) return thrown
  const { name = '', code, message = '', status } = partsOf(thrown)
  const meaning = name === 'InvalidChangeBatch' ? meaningOfBatch(message) : MEANINGS[name]
  if (meaning) {
    const outcome = meaning.code === 'unavailable' ? 'refused' : undefined
    return new AtlasError(meaning.code, meaning.message, {
      retryAfterMs: meaning.retryAfterMs,
      vendorCode: name,
      outcome,
    })
  }
  if (code && NEVER_SENT.includes(code)) {
    return new AtlasError('unavailable', 'Route 53 cannot be reached.', {
      outcome: 'refused',
      vendorCode: code,
    })
  }
  if (code || name === 'AbortError' || status === 200) return replyLost(code ?? name)
  if (status !== undefined && status >= 500) {
    const outcome = status === 503 ? 'refused' : 'unknown'
    return new AtlasError('unavailable', 'Route 53 has a problem of its own.', {
      outcome,
      vendorCode: `${status}`,
    })
  }
  return new AtlasError('internal', 'Route 53 answered something that Atlas does not understand.', {
    vendorCode: name,
    cause: thrown,
  })
}

const NEVER_SENT = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']

function replyLost(vendorCode: string): AtlasError {
  return new AtlasError('unavailable', 'The answer of Route 53 was lost or came too late.', {
    outcome: 'unknown',
    vendorCode,
  })
}

// InvalidChangeBatch has no finer code: its English sentences are all that tells the cases apart.
function meaningOfBatch(message: string): Meaning | undefined {
  if (message.includes('but it was not found')) return GONE
  if (message.includes('do not match the current values')) return DIFFERENT
  if (message.includes('conflicting RRSet')) return TAKEN
  return MEANINGS.InvalidChangeBatch
}

function isAlreadyGone(thrown: unknown): boolean {
  return (
    thrown instanceof AtlasError && thrown.code === 'not_found' && thrown.vendorCode === 'InvalidChangeBatch'
  )
}

type Parts = { name?: string; code?: string; message?: string; status?: number }

function partsOf(thrown: unknown): Parts {
  if (!(thrown instanceof Error)) return {}
  const { code, $metadata } = thrown as Error & { code?: unknown; $metadata?: { httpStatusCode?: number } }
  return {
    name: thrown.name,
    code: typeof code === 'string' ? code : undefined,
    message: thrown.message,
    status: $metadata?.httpStatusCode,
  }
}
