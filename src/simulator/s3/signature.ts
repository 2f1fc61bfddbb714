import { createHash, createHmac } from 'node:crypto'
import { Refusal } from './answers'

export type S3Keys = { region: string; accessKeyId: string; secretAccessKey: string }

/** What a request says of its signature, in its headers or in its query. */
type Claim = {
  form: 'header' | 'query'
  credential: string
  date: string
  signedHeaders: string
  signature: string
  payloadHash: string
  expiresSeconds: number | null
}

const ALGORITHM = 'AWS4-HMAC-SHA256'
const SKEW_MAX_MS = 15 * 60_000
const EXPIRES_MAX_SECONDS = 604_800
const UNSIGNED = 'UNSIGNED-PAYLOAD'

/**
 * Verifies AWS's signature, version 4, as S3 does, in both of its forms. Throws the Refusal that S3 would answer with.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
 */
export async function verifySignature(request: Request, keys: S3Keys, nowMs: number): Promise<void> {
  const url = new URL(request.url)
  const claim = claimIn(url.searchParams, request.headers)
  const scope = scopeOf(claim, keys)
  checkTime(claim, nowMs)
  const canonical = canonicalRequest(request, url, claim)
  const toSign = [ALGORITHM, claim.date, scope.join('/'), sha256(canonical)].join('\n')
  const key = [...scope].reduce<Buffer | string>(hmac, `AWS4${keys.secretAccessKey}`)
  if (hmac(key, toSign).toString('hex') !== claim.signature) {
    throw new Refusal(
      403,
      'SignatureDoesNotMatch',
      'The request signature we calculated does not match the signature you provided. Check your key and signing method.',
      { StringToSign: toSign, CanonicalRequest: canonical, SignatureProvided: claim.signature },
    )
  }
  if (claim.payloadHash === UNSIGNED) return
  if (sha256(Buffer.from(await request.clone().arrayBuffer())) !== claim.payloadHash) {
    throw new Refusal(
      400,
      'XAmzContentSHA256Mismatch',
      'The provided x-amz-content-sha256 header does not match what was computed.',
    )
  }
}

function claimIn(query: URLSearchParams, headers: Headers): Claim {
  if (query.has('X-Amz-Signature')) return queryClaim(query)
  const written = headers.get('authorization')
  if (written === null) throw new Refusal(403, 'AccessDenied', 'Access Denied')
  const parts = new RegExp(
    `^${ALGORITHM} Credential=([^,\\s]+), ?SignedHeaders=([^,\\s]+), ?Signature=([0-9a-f]{64})$`,
  ).exec(written)
  const date = headers.get('x-amz-date')
  const payloadHash = headers.get('x-amz-content-sha256')
  if (!parts || !date) throw malformed('header')
  if (!payloadHash) {
    throw new Refusal(400, 'InvalidRequest', 'Missing required header for this request: x-amz-content-sha256')
  }
  const [, credential = '', signedHeaders = '', signature = ''] = parts
  return {
    form: 'header',
    credential,
    date,
    signedHeaders,
    signature,
    payloadHash,
    expiresSeconds: null,
  }
}

function queryClaim(query: URLSearchParams): Claim {
  const of = (name: string) => query.get(`X-Amz-${name}`) ?? ''
  const expires = of('Expires')
  if (of('Algorithm') !== ALGORITHM || !/^\d{1,6}$/.test(expires)) throw malformed('query')
  if (Number(expires) < 1 || Number(expires) > EXPIRES_MAX_SECONDS) throw malformed('query')
  return {
    form: 'query',
    credential: of('Credential'),
    date: of('Date'),
    signedHeaders: of('SignedHeaders'),
    signature: of('Signature'),
    payloadHash: UNSIGNED,
    expiresSeconds: Number(expires),
  }
}

/** Date, region, service and end of the credential, which have to be those of this storage. */
function scopeOf({ form, credential, date }: Claim, { accessKeyId, region }: S3Keys): string[] {
  const [id, ...scope] = credential.split('/')
  if (!/^\d{8}T\d{6}Z$/.test(date) || scope.length !== 4) throw malformed(form)
  if (id !== accessKeyId) {
    const words = 'The AWS Access Key Id you provided does not exist in our records.'
    throw new Refusal(403, 'InvalidAccessKeyId', words)
  }
  if (scope.join('/') !== `${date.slice(0, 8)}/${region}/s3/aws4_request`) throw malformed(form)
  return scope
}

function checkTime({ form, date, expiresSeconds }: Claim, nowMs: number): void {
  const signedAt = Date.parse(date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'))
  if (Number.isNaN(signedAt)) throw malformed(form)
  if (expiresSeconds !== null && nowMs > signedAt + expiresSeconds * 1000) {
    throw new Refusal(403, 'AccessDenied', 'Request has expired')
  }
  const ahead = signedAt - nowMs
  if (ahead > SKEW_MAX_MS || (expiresSeconds === null && -ahead > SKEW_MAX_MS)) {
    const words = 'The difference between the request time and the current time is too large.'
    throw new Refusal(403, 'RequestTimeTooSkewed', words)
  }
}

function canonicalRequest(request: Request, url: URL, { signedHeaders, payloadHash }: Claim): string {
  const names = signedHeaders.split(';')
  if (!names.includes('host')) throw new Refusal(403, 'AccessDenied', 'The host header must be signed.')
  const headers = names.map((name) => {
    const value = request.headers.get(name) ?? (name === 'host' ? url.host : '')
    return `${name}:${value.trim().replace(/ +/g, ' ')}\n`
  })
  const query = [...url.searchParams]
    .filter(([name]) => name !== 'X-Amz-Signature')
    .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
    .sort()
  const path = url.pathname.split('/').map((part) => encoded(decodeURIComponent(part)))
  return [request.method, path.join('/'), query.join('&'), headers.join(''), signedHeaders, payloadHash].join(
    '\n',
  )
}

function malformed(form: Claim['form']): Refusal {
  return form === 'header'
    ? new Refusal(
        400,
        'AuthorizationHeaderMalformed',
        'The authorization header that you provided is not valid.',
      )
    : new Refusal(
        400,
        'AuthorizationQueryParametersError',
        'The authorization query parameters that you provided are not valid.',
      )
}

function encoded(text: string): string {
  const byte = (character: string) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`
  return encodeURIComponent(text).replace(/[!'()*]/g, byte)
}

function hmac(key: Buffer | string, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}

function sha256(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('hex')
}
