/** How a registry wants to be asked, as its 401 says. */
export type Challenge =
  | { scheme: 'basic' }
  | { scheme: 'bearer'; realm: URL; service: string | null; scope: string | null }

export type Credentials = { username: string; password: string }

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/

/**
 * The challenge in WWW-Authenticate; null when there is none that can be met. A token is only asked for over TLS, or
 * on this machine. https://distribution.github.io/distribution/spec/auth/token/
 */
export function challengeIn({ headers }: Pick<Response, 'headers'>): Challenge | null {
  const [, scheme = '', rest = ''] =
    /^\s*([A-Za-z]+)(?:\s+(.*))?$/.exec(headers.get('www-authenticate') ?? '') ?? []
  if (scheme.toLowerCase() === 'basic') return { scheme: 'basic' }
  if (scheme.toLowerCase() !== 'bearer') return null
  const words = wordsIn(rest)
  const realm = URL.canParse(words.realm ?? '') ? new URL(words.realm!) : null
  if (!realm || (realm.protocol !== 'https:' && !isLocal(realm))) return null
  return { scheme: 'bearer', realm, service: words.service ?? null, scope: words.scope ?? null }
}

export function tokenUrl({ realm, service, scope }: Challenge & { scheme: 'bearer' }): URL {
  const url = new URL(realm)
  if (service !== null) url.searchParams.set('service', service)
  if (scope !== null) url.searchParams.set('scope', scope)
  return url
}

function wordsIn(text: string): Record<string, string> {
  const pairs = text.matchAll(/([A-Za-z_]+)=(?:"([^"]*)"|([^\s,"]+))/g)
  return Object.fromEntries(
    [...pairs].map(([, name, quoted, bare]) => [name!.toLowerCase(), quoted ?? bare ?? '']),
  )
}

function isLocal({ protocol, hostname }: URL): boolean {
  return protocol === 'http:' && LOOPBACK.test(hostname)
}
