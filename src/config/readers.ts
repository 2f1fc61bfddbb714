/** Makes a value of a variable's text. Throws an Error whose message says what the text must be, never what it is. */
export type Reader<T> = (text: string) => T

/** Any text. */
export const text: Reader<string> = (value) => value

const matches =
  (pattern: RegExp, words: string): Reader<string> =>
  (value) => {
    if (!pattern.test(value)) throw new Error(words)
    return value
  }

/** A port number; 0 lets the system choose. */
export const port: Reader<number> = (value) => {
  if (!/^\d{1,5}$/.test(value) || Number(value) > 65535) throw new Error('must be a port number, 0 to 65535')
  return Number(value)
}

/** An http or https address, without the slashes at its end. */
export const url: Reader<string> = (value) => {
  const parsed = URL.canParse(value) ? new URL(value) : null
  if (!parsed || !/^https?:$/.test(parsed.protocol)) throw new Error('must be an http or https address')
  try {
    decodeURIComponent(parsed.username + parsed.password)
  } catch {
    throw new Error('must have a % in its password written as %25')
  }
  return value.replace(/\/+$/, '')
}

const LOOPBACK = /^(localhost|.+\.localhost|127(\.\d+){3}|\[::1\])$/

/** Where browsers find Atlas: the origin of an address, which has nothing else. */
export const origin: Reader<string> = (value) => {
  const parsed = new URL(url(value))
  const { username, password, pathname, search, hash } = parsed
  if (username + password + search + hash !== '' || pathname !== '/') {
    throw new Error('must be an address without a path, such as `https://shop.example.com`')
  }
  // Over plain http on a network, anybody on the way could read the operator's session.
  if (parsed.protocol === 'http:' && !LOOPBACK.test(parsed.hostname)) {
    throw new Error('must begin with https:// unless it is on localhost')
  }
  return parsed.origin
}

/** An email address and nothing else. */
export const email = matches(/^[^\s@<>,"]+@[^\s@<>,"]+$/, 'must be an email address')

/** An email address, perhaps with a name before it. */
export const mailbox = matches(
  /^[^\r\n]*@[^\r\n]*$/,
  'must be an address such as `Atlas <hello@example.com>`',
)

/** A domain, perhaps with a port. */
export const domain = matches(
  /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*(:\d{1,5})?$/,
  'must be a domain name in lower case, such as `sites.example.net`',
)

/** The address of a storage, over which nothing goes unencrypted. */
export const storage: Reader<string> = (value) => {
  const { protocol, hostname, username, search, hash } = new URL(url(value))
  if (username + search + hash !== '') throw new Error('must be an address and nothing more')
  if (protocol === 'http:' && !LOOPBACK.test(hostname)) throw new Error('must begin with https://')
  return url(value)
}

/** A host, perhaps with a port. */
export const host = matches(/^[a-z0-9]+([.-][a-z0-9]+)*(:\d{1,5})?$/, 'must be a host such as `ghcr.io`')

/** The name of a bucket. */
export const bucket = matches(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'must be a bucket’s name in lower case')

/** The name of a storage's region. */
export const region = matches(/^[a-z0-9-]{1,32}$/, 'must be a region such as `us-east-1`')

/** A key of 32 bytes, in base64. */
export const key: Reader<Buffer> = (value) => {
  const bytes = Buffer.from(value, 'base64')
  if (bytes.length !== 32) throw new Error('must be 32 random bytes in base64 (openssl rand -base64 32)')
  return bytes
}

/** How many there may be, at least one. */
export const limit: Reader<number> = (value) => {
  if (!/^[1-9]\d{0,6}$/.test(value)) throw new Error('must be a whole number from 1')
  return Number(value)
}

/** One of these words. */
export const oneOf =
  <const Word extends string>(...words: Word[]): Reader<Word> =>
  (value) => {
    const word = words.find((one) => one === value)
    if (word === undefined) throw new Error(`must be ${words.join(' or ')}`)
    return word
  }

/** A secret that nobody guesses. */
export const longSecret = matches(/^.{32,}$/, 'must be at least 32 characters (openssl rand -base64 32)')

/** The id of a hosted zone of Route 53. */
export const hostedZoneId = matches(/^[A-Z0-9]{1,32}$/, 'must be a hosted zone id such as Z0123456789ABC')

/** A PEM key: unit files and .env files hold it on one line, with its line breaks written as \n. */
export const pem: Reader<string> = (value) => value.replaceAll('\\n', '\n')
