/** One prefix a noun, so that an id in a log or a URL says what it names. */
export type IdPrefix =
  | 'ins'
  | 'org'
  | 'usr'
  | 'sig'
  | 'ten'
  | 'srv'
  | 'sub'
  | 'pay'
  | 'run'
  | 'stp'
  | 'eff'
  | 'msg'
  | 'aud'
  | 'rec'
  | 'tok'
  | 'bak'
  | 'inc'
  | 'rcn'
  | 'fnd'
  | 'rel'
  | 'rol'

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'
const TIME_DIGITS = 10

/** A source of random bytes; passed in so that a whole life can be replayed from a seed. */
export type Random = (size: number) => Uint8Array

export const systemRandom: Random = (size) => crypto.getRandomValues(new Uint8Array(size))

/** A prefixed id that sorts by time: `ten_` + 10 digits of milliseconds + 13 random digits (65 bits). */
export function newId(prefix: IdPrefix, nowMs: number, random: Random = systemRandom): string {
  let time = ''
  for (let rest = nowMs, i = 0; i < TIME_DIGITS; i++, rest = Math.floor(rest / 32)) {
    time = ALPHABET[rest % 32] + time
  }
  let noise = ''
  for (const byte of random(13)) noise += ALPHABET[byte % 32]
  return `${prefix}_${time}${noise}`
}
