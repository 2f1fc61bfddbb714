import { Refusal } from './answers'

/** Throws what Route 53 says to a request that is not signed with this key. The signature itself is not computed. */
export function requireSignature(request: Request, accessKeyId: string): void {
  const header = request.headers.get('authorization')
  if (!header || !request.headers.get('x-amz-date')) {
    throw new Refusal(403, 'MissingAuthenticationToken', 'Missing Authentication Token')
  }
  const signature =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/\d{8}\/([^,]+), ?SignedHeaders=[^,]+, ?Signature=[0-9a-f]{64}$/.exec(
      header,
    )
  if (!signature) {
    throw new Refusal(403, 'IncompleteSignature', 'The request signature does not conform to AWS standards.')
  }
  if (signature[1] !== accessKeyId) {
    throw new Refusal(403, 'InvalidClientTokenId', 'The security token included in the request is invalid.')
  }
  if (signature[2] !== 'us-east-1/route53/aws4_request') {
    throw new Refusal(403, 'SignatureDoesNotMatch', 'Credential should be scoped to a valid region.')
  }
}
