import { AtlasError, type ErrorCode } from '../../errors'

type Meaning = { code: ErrorCode; message: string; retryAfterMs?: number; vendorCode?: string }

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
      'The AWS key may not do this. It needs route53:ChangeResourceRecordSets, route53:ListResourceRecordSets, route53:GetHostedZoneLimit and route53:GetChange.',
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
const FULL: Meaning = {
  code: 'conflict',
  message:
    'The hosted zone has as many records as AWS allows it. Ask for a higher quota in the AWS console under Service Quotas, then retry.',
  vendorCode: 'MAX_RRSETS_BY_ZONE',
}

/** The error that a failed call becomes. Nothing of the answer's text gets into the message. */
export function asRoute53Error(thrown: unknown): AtlasError {
  if (thrown instanceof AtlasError) return thrown
  const { name = '', code, message = '', status } = partsOf(thrown)
  const meaning = name === 'InvalidChangeBatch' ? meaningOfBatch(message) : MEANINGS[name]
  if (meaning) {
    const outcome = meaning.code === 'unavailable' ? 'refused' : undefined
    return new AtlasError(meaning.code, meaning.message, {
      retryAfterMs: meaning.retryAfterMs,
      vendorCode: meaning.vendorCode ?? name,
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

/** The outcome of a call whose answer never came whole. */
export function replyLost(vendorCode: string): AtlasError {
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
  if (/limit/i.test(message) && /exceed/i.test(message)) return FULL
  return MEANINGS.InvalidChangeBatch
}

/** Whether a deletion was refused because there was nothing to delete. */
export function isAlreadyGone(thrown: unknown): boolean {
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
