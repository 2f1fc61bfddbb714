import { createPrivateKey, createPublicKey, randomBytes } from 'node:crypto'
import { type ParsedKey, utils } from 'ssh2'
import { invalid } from '../../errors'

/** An ed25519 pair: an OpenSSH private key (PEM) and a public line (`ssh-ed25519 AAAA...`). */
export type HostKey = { privateKey: string; publicKey: string }

const ED25519 = 'ssh-ed25519'
const SEED_BYTES = 32
// RFC 8410: what stands before an ed25519 seed in PKCS #8.
const PKCS8_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex')
const PEM_LINE_CHARS = 70
const PADDING_BLOCK_BYTES = 8

/**
 * Makes a host key. Written out by hand because ssh2's own generator drops leading zero bytes of the public
 * half, so that one key in 256 is broken.
 */
export function generateHostKey(random: (size: number) => Uint8Array = randomBytes): HostKey {
  const seed = random(SEED_BYTES)
  const publicHalf = publicHalfOf(seed)
  const check = random(4)
  const secret = Buffer.concat([
    check,
    check,
    field(ED25519),
    field(publicHalf),
    field(Buffer.concat([seed, publicHalf])),
    field(''),
  ])
  const file = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    field('none'),
    field('none'),
    field(''),
    Buffer.from([0, 0, 0, 1]),
    field(publicBlob(publicHalf)),
    field(padded(secret)),
  ])
  return { privateKey: pem(file), publicKey: publicLine(publicBlob(publicHalf)) }
}

/** The public line of a private key. Throws `invalid` in words when the key cannot be used. */
export function publicKeyOf(privateKey: string): string {
  return publicLine(parsePrivateKey(privateKey).getPublicSSH())
}

/** Reads an ed25519 private key without a passphrase, also one whose line breaks were written as `\n`. */
export function parsePrivateKey(text: string): ParsedKey {
  const pemText = text.replaceAll('\\n', '\n').trim()
  if (!pemText) throw invalid('The SSH private key is empty.')
  const parsed = utils.parseKey(pemText)
  if (parsed instanceof Error) throw invalid(whyUnreadable(parsed.message))
  const key = Array.isArray(parsed) ? parsed[0] : parsed
  if (!key?.isPrivateKey())
    throw invalid('This is the public half of an SSH key; Atlas needs the private half.')
  if (key.type !== ED25519)
    throw invalid(
      `The SSH private key is of type ${key.type}; Atlas needs one made by ssh-keygen -t ed25519.`,
    )
  return key
}

/** A public key as OpenSSH writes it, from the bytes that go over the wire. */
export function publicLine(blob: Buffer): string {
  const typeBytes = blob.readUInt32BE(0)
  return `${blob.toString('latin1', 4, 4 + typeBytes)} ${blob.toString('base64')}`
}

/** Whether two public lines name the same key; a comment at the end does not matter. */
export function sameKey(one: string, other: string): boolean {
  return withoutComment(one) === withoutComment(other)
}

function withoutComment(line: string): string {
  return line.trim().split(/\s+/).slice(0, 2).join(' ')
}

function whyUnreadable(reason: string): string {
  if (/passphrase|encrypted/i.test(reason)) {
    return 'The SSH private key is protected by a passphrase; Atlas needs one without (ssh-keygen -p removes it).'
  }
  return 'The SSH private key cannot be read: it should begin with "-----BEGIN OPENSSH PRIVATE KEY-----" and keep its line breaks.'
}

function publicHalfOf(seed: Uint8Array): Buffer {
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_HEAD, seed]), format: 'der', type: 'pkcs8' })
  return Buffer.from(createPublicKey(key).export({ format: 'jwk' }).x ?? '', 'base64url')
}

function publicBlob(publicHalf: Buffer): Buffer {
  return Buffer.concat([field(ED25519), field(publicHalf)])
}

/** SSH's string: four bytes of length, then the bytes. */
function field(content: string | Uint8Array): Buffer {
  const bytes = Buffer.from(content)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  return Buffer.concat([length, bytes])
}

function padded(bytes: Buffer): Buffer {
  const missing = (PADDING_BLOCK_BYTES - (bytes.length % PADDING_BLOCK_BYTES)) % PADDING_BLOCK_BYTES
  return Buffer.concat([bytes, Buffer.from(Array.from({ length: missing }, (_, i) => i + 1))])
}

function pem(bytes: Buffer): string {
  const lines = bytes.toString('base64').match(new RegExp(`.{1,${PEM_LINE_CHARS}}`, 'g')) ?? []
  return `-----BEGIN OPENSSH PRIVATE KEY-----\n${lines.join('\n')}\n-----END OPENSSH PRIVATE KEY-----\n`
}
