import type { StoredObject } from '../s3'
import { type Content, Refusal } from './answers'

const KEYS_MAX = 1000
const UNDERSTOOD = ['list-type', 'prefix', 'max-keys', 'start-after', 'continuation-token']

/** ListObjectsV2 of objects that are sorted by key; other forms of listing are `NotImplemented`. */
export function listObjects(
  bucket: string,
  objects: StoredObject[],
  query: URLSearchParams,
): [string, Content] {
  const names = [...query.keys()].filter((name) => !/^x-amz-/i.test(name))
  if (query.get('list-type') !== '2' || names.some((name) => !UNDERSTOOD.includes(name))) {
    throw new Refusal(501, 'NotImplemented', 'A header you provided implies functionality not implemented')
  }
  const prefix = query.get('prefix') ?? ''
  const max = maxKeys(query)
  const token = query.get('continuation-token')
  const after = token === null ? (query.get('start-after') ?? '') : keyIn(token)
  const matching = objects.filter(({ key }) => key.startsWith(prefix) && (after === '' || key > after))
  const page = matching.slice(0, max)
  const last = page.at(-1)
  const truncated = matching.length > page.length
  return [
    'ListBucketResult',
    [
      ['Name', bucket],
      ['Prefix', prefix],
      ['KeyCount', page.length],
      ['MaxKeys', max],
      ['IsTruncated', truncated],
      ...continuation(token, truncated && last ? last.key : undefined),
      ...page.map((object): [string, Content] => ['Contents', contentOf(object)]),
    ],
  ]
}

function contentOf({ key, storedAt, etag, sizeBytes }: StoredObject): Content {
  return [
    ['Key', key],
    ['LastModified', new Date(storedAt).toISOString()],
    ['ETag', `"${etag}"`],
    ['Size', sizeBytes],
    ['StorageClass', 'STANDARD'],
  ]
}

function continuation(token: string | null, lastKey: string | undefined): [string, Content][] {
  const given: [string, Content][] = token === null ? [] : [['ContinuationToken', token]]
  if (lastKey === undefined) return given
  return [...given, ['NextContinuationToken', Buffer.from(lastKey).toString('base64url')]]
}

function keyIn(token: string): string {
  return Buffer.from(token, 'base64url').toString()
}

function maxKeys(query: URLSearchParams): number {
  const text = query.get('max-keys') ?? String(KEYS_MAX)
  if (!/^\d{1,9}$/.test(text)) {
    throw new Refusal(400, 'InvalidArgument', 'Provided max-keys not an integer or within integer range')
  }
  return Math.min(Number(text), KEYS_MAX)
}
