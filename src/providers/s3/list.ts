import type { ListedObject } from '../objects'
import { noAnswer } from './errors'

type ListPage = { objects: ListedObject[]; next: string | null }

/**
 * One page of ListObjectsV2, and what asks for the next; https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
 * Throws `unavailable` for a document that is not whole: an object that is left out would be taken for missing.
 */
export function readPage(text: string): ListPage {
  if (!text.trimEnd().endsWith('</ListBucketResult>')) throw noAnswer(undefined, false)
  const contents = [...text.matchAll(/<Contents>(.*?)<\/Contents>/gs)]
  const objects = contents.map(([, content = '']) => objectIn(content))
  const next = textOf(text, 'NextContinuationToken')
  if ((textOf(text, 'IsTruncated') === 'true') !== (next !== null)) throw noAnswer(undefined, false)
  return { objects, next }
}

function objectIn(content: string): ListedObject {
  const key = textOf(content, 'Key')
  const sizeBytes = Number(textOf(content, 'Size') ?? Number.NaN)
  const createdAt = Date.parse(textOf(content, 'LastModified') ?? '')
  if (!key || !Number.isSafeInteger(sizeBytes) || Number.isNaN(createdAt)) throw noAnswer(undefined, false)
  return { key, sizeBytes, createdAt }
}

function textOf(xml: string, name: string): string | null {
  const found = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1]
  return found === undefined ? null : unescaped(found)
}

const NAMED: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

function unescaped(text: string): string {
  return text.replace(/&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|([a-z]{2,4}));/gi, (whole, hex, decimal, name) => {
    if (name) return NAMED[name] ?? whole
    return String.fromCodePoint(hex ? Number.parseInt(hex, 16) : Number(decimal))
  })
}
