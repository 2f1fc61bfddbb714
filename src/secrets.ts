import { createCipheriv, createDecipheriv, createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { AtlasError } from './errors'
import { type Random, systemRandom } from './ids'

const FORMAT = 1
const IV_BYTES = 12
const TAG_BYTES = 16

/** The bytes of a sealing key: AES-256. */
export const KEY_BYTES = 32

/**
 * Seals text or bytes with AES-256-GCM. `place` names where it is kept (table, row, column), so that a sealed
 * value moved to another place does not open. Layout: format, nonce, ciphertext, tag.
 */
export function seal(
  key: Uint8Array,
  value: string | Uint8Array,
  place: string,
  random: Random = systemRandom,
) {
  const iv = random(IV_BYTES)
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(place))
  const body = Buffer.concat([cipher.update(value), cipher.final()])
  return Buffer.concat([Buffer.from([FORMAT]), iv, body, cipher.getAuthTag()])
}

/** Opens what `seal` made at the same place. Throws `internal` when it was changed, moved or sealed by another key. */
export function unseal(key: Uint8Array, sealed: Uint8Array, place: string): Buffer {
  try {
    const bytes = Buffer.from(sealed)
    if (bytes[0] !== FORMAT) throw new Error('unknown format')
    const iv = bytes.subarray(1, 1 + IV_BYTES)
    const decipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: TAG_BYTES })
    decipher.setAAD(Buffer.from(place)).setAuthTag(bytes.subarray(-TAG_BYTES))
    return Buffer.concat([decipher.update(bytes.subarray(1 + IV_BYTES, -TAG_BYTES)), decipher.final()])
  } catch (cause) {
    throw new AtlasError('internal', `A sealed value at ${place} does not open with this ENCRYPTION_KEY.`, {
      cause,
    })
  }
}

/** A token for a person or program to hold: 256 bits, safe in a URL. Only its hash is stored. */
export function newToken(random: Random = systemRandom): string {
  return Buffer.from(random(32)).toString('base64url')
}

/** What is stored of a token. A token has 256 random bits, so a plain hash can't be searched. */
export function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}

/** Signs a value so that it can be handed out and recognised again: `value.signature`. */
export function sign(secret: string, purpose: string, value: string): string {
  return `${value}.${signature(secret, purpose, value)}`
}

/** The value that `sign` signed for the same purpose, or null when it is not one of ours. */
export function verifySigned(secret: string, purpose: string, signed: string): string | null {
  const dot = signed.lastIndexOf('.')
  if (dot < 0) return null
  const value = signed.slice(0, dot)
  return equalSecrets(signature(secret, purpose, value), signed.slice(dot + 1)) ? value : null
}

/** Compares two secrets in a time that tells nothing about where they differ. */
export function equalSecrets(a: string, b: string): boolean {
  const left = createHash('sha256').update(a).digest()
  const right = createHash('sha256').update(b).digest()
  return timingSafeEqual(left, right)
}

function signature(secret: string, purpose: string, value: string): string {
  return createHmac('sha256', secret).update(`${purpose}\n${value}`).digest('base64url')
}
