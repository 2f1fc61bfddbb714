import { AtlasError, type ErrorCode } from '../../errors'

type Meaning = { code: ErrorCode; message: string; outcome?: 'refused' | 'unknown' }

const busy = (message: string): Meaning => ({ code: 'unavailable', message, outcome: 'refused' })
const lost = (message: string): Meaning => ({ code: 'unavailable', message, outcome: 'unknown' })
const keysRefused: Meaning = {
  code: 'unauthorized',
  message:
    'The backup storage does not accept the keys. Check BACKUP_S3_ACCESS_KEY, BACKUP_S3_SECRET_KEY and BACKUP_S3_REGION.',
}
const elsewhere: Meaning = {
  code: 'conflict',
  message: 'The backup bucket is in another region. Check BACKUP_S3_ENDPOINT and BACKUP_S3_REGION.',
}

/**
 * What S3's error codes mean to Atlas, in words for the operator. The codes are those of
 * https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
 */
const MEANINGS: Record<string, Meaning> = {
  SlowDown: busy('The backup storage asks to slow down.'),
  ServiceUnavailable: busy('The backup storage is not available right now.'),
  OperationAborted: busy('The backup storage is busy with this very object.'),
  InternalError: lost('The backup storage had an internal error; it may have acted nevertheless.'),
  RequestTimeout: lost('The backup storage did not get the whole request in time.'),
  NoSuchKey: { code: 'not_found', message: 'The backup storage has no such object.' },
  NoSuchBucket: { code: 'not_found', message: 'The backup bucket does not exist. Check BACKUP_S3_BUCKET.' },
  AccessDenied: {
    code: 'forbidden',
    message:
      'The keys of the backup storage may not do this. They need to list, read, write and delete objects.',
  },
  InvalidAccessKeyId: keysRefused,
  SignatureDoesNotMatch: keysRefused,
  AuthorizationHeaderMalformed: keysRefused,
  RequestTimeTooSkewed: {
    code: 'conflict',
    message: 'The clock of this machine and that of the backup storage differ by more than 15 minutes.',
  },
  PermanentRedirect: elsewhere,
  TemporaryRedirect: elsewhere,
}

/** The error that S3's refusal becomes. Nothing of the answer's text gets into the message. */
export function refusal(status: number, body: string): AtlasError {
  const code = /<Code>([A-Za-z0-9]{1,64})<\/Code>/.exec(body.slice(0, 16_384))?.[1]
  const meaning = (code && MEANINGS[code]) || meaningOfStatus(status)
  const { outcome } = meaning
  return new AtlasError(meaning.code, meaning.message, { outcome, vendorCode: code ?? `http_${status}` })
}

function meaningOfStatus(status: number): Meaning {
  if (status === 429 || status === 503) return MEANINGS.ServiceUnavailable!
  if (status >= 500) return MEANINGS.InternalError!
  if (status === 401) return keysRefused
  if (status === 403) return MEANINGS.AccessDenied!
  if (status >= 300 && status < 400) return elsewhere
  return { code: 'internal', message: 'The backup storage gave an answer that Atlas does not understand.' }
}

// Bun's and Node's names for a connection that never came to be.
const NEVER_CONNECTED = new Set(['ConnectionRefused', 'FailedToOpenSocket', 'ECONNREFUSED', 'ENOTFOUND'])

/** The error for a request without an answer; `timedOut` when Atlas itself gave up. */
export function noAnswer(thrown: unknown, timedOut: boolean): AtlasError {
  const vendorCode = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : undefined
  if (!timedOut && vendorCode && NEVER_CONNECTED.has(vendorCode)) {
    const message = 'The backup storage cannot be reached.'
    return new AtlasError('unavailable', message, { outcome: 'refused', vendorCode })
  }
  const message = timedOut
    ? 'The backup storage did not answer in time.'
    : 'The answer of the backup storage was lost on the way.'
  return new AtlasError('unavailable', message, { outcome: 'unknown' })
}
