import { timingSafeEqual } from 'node:crypto'
import type { World } from '../world'
import { Refusal } from './answers'

export type Login = { username: string; password: string }

/** A token, and the repositories that it lets its bearer pull from. */
type Token = { id: string; repositories: string[]; expiresAt: number }

const LASTS_MS = 300_000
export const TOKEN_PATH = '/v2/token'
const SERVICE = 'registry'

/** Who may pull what, by tokens as Docker's registries give them. https://distribution.github.io/distribution/spec/auth/token/ */
export class Tokens {
  constructor(
    private readonly world: World,
    /** Who may pull from private repositories. */
    private readonly login: Login | undefined,
    private readonly isPrivate: (repository: string) => boolean,
  ) {}

  /** Answers who asks for a token: with as much access as they may have, which may be none. */
  give(request: Request): Response {
    const isKnown = this.isKnown(request.headers.get('authorization'))
    const scopes = new URL(request.url).searchParams.getAll('scope').flatMap((scope) => scope.split(' '))
    const asked = scopes.flatMap(
      (scope) => /^repository:([^:]+):(?:.*,)?pull(?:,.*)?$/.exec(scope)?.[1] ?? [],
    )
    const repositories = asked.filter((repository) => isKnown || !this.isPrivate(repository))
    const number = this.world.nextNumber('registry_token')
    const token = Buffer.from(`simulated-token-${number}-${Math.floor(this.world.random() * 2 ** 32)}`)
    const id = token.toString('base64url')
    this.table.put({ id, repositories, expiresAt: this.world.now() + LASTS_MS })
    const issued_at = new Date(this.world.now()).toISOString()
    return Response.json({ token: id, access_token: id, expires_in: LASTS_MS / 1000, issued_at })
  }

  /** Throws the Refusal that says where a token is to be had, unless the request brings one that will do. */
  check(request: Request, repository: string | null): void {
    const bearer = /^Bearer (\S+)$/i.exec(request.headers.get('authorization') ?? '')?.[1]
    const token = bearer === undefined ? undefined : this.table.get(bearer)
    const isLive = token !== undefined && token.expiresAt > this.world.now()
    if (isLive && (repository === null || token.repositories.includes(repository))) return
    const words = [
      `realm="${new URL(TOKEN_PATH, request.url).href}"`,
      `service="${SERVICE}"`,
      ...(repository === null ? [] : [`scope="repository:${repository}:pull"`]),
      ...(isLive ? ['error="insufficient_scope"'] : []),
    ]
    const headers = { 'www-authenticate': `Bearer ${words.join(',')}` }
    throw new Refusal('UNAUTHORIZED', 'authentication required', headers)
  }

  private isKnown(authorization: string | null): boolean {
    if (authorization === null) return false
    const { username, password } = this.login ?? { username: '', password: '' }
    const right = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
    if (this.login && isSame(authorization, right)) return true
    const headers = { 'www-authenticate': `Basic realm="${SERVICE}"` }
    throw new Refusal('UNAUTHORIZED', 'incorrect username or password', headers)
  }

  private get table() {
    return this.world.table<Token>('registry_tokens')
  }
}

function isSame(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)]
  return a.length === b.length && timingSafeEqual(a, b)
}
