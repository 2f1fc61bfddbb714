import type { Fault } from './faults'
import { errorAnswer, isRegistryCode, Refusal } from './registry/answers'
import {
  imagesIn,
  MANIFEST_TYPE,
  type Nature,
  type Publication,
  publish,
  type StoredImage,
  tagsIn,
} from './registry/images'
import { type Login, TOKEN_PATH, Tokens } from './registry/tokens'
import type { Twin } from './twin'
import type { World } from './world'

export type RegistryOptions = {
  /** Who may pull from private repositories; nobody when absent. */
  login?: Login
}

/** What a machine asks for: an image by its digest, or by its tag. */
export type Pull = { image: string; digest?: string; login?: Login }
export type Pulled = Nature & { digest: string }

type Private = { id: string }

const NAME = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*'
const MANIFEST_PATH = new RegExp(
  `^/v2/(${NAME}(?:/${NAME})*)/manifests/([A-Za-z0-9_][A-Za-z0-9._:-]{0,127})$`,
)
const RETRY_AFTER_SECONDS = 5

/** A container registry: manifests by tag and digest, with tokens, public and private repositories. */
export class RegistryTwin implements Twin {
  readonly name = 'registry'
  readonly prefix = '/v2'
  private readonly tokens: Tokens

  constructor(
    private readonly world: World,
    private readonly options: RegistryOptions = {},
  ) {
    this.tokens = new Tokens(world, options.login, (repository) => this.isPrivate(repository))
  }

  /** Puts an image into the registry; its tag stands for it from now on. */
  publish(publication: Publication): { digest: string } {
    return { digest: publish(this.world, publication).id }
  }

  /** Shows a repository's images to those with the login only. */
  hide(repository: string): void {
    this.privates.put({ id: repository })
  }

  list(): { image: string; digest: string; behaviour: StoredImage['behaviour'] }[] {
    return tagsIn(this.world)
      .all()
      .map(({ id, digest }) => ({
        image: id,
        digest,
        behaviour: imagesIn(this.world).get(digest)?.behaviour ?? 'good',
      }))
  }

  /** What a machine gets; null when there is no such image for it. */
  pull({ image, digest, login }: Pull): Pulled | null {
    const { repository, tag } = partsOf(image)
    const digestNow = digest ?? tagsIn(this.world).get(`${repository}:${tag}`)?.digest
    const stored = imagesIn(this.world).get(digestNow ?? '')
    const isAllowed = !this.isPrivate(repository) || isSameLogin(login, this.options.login)
    if (!stored || stored.repository !== repository || !isAllowed) return null
    return { digest: stored.id, behaviour: stored.behaviour, schema: stored.schema }
  }

  /** Whether anything was ever published in an image's repository. */
  knows(image: string): boolean {
    const { repository } = partsOf(image)
    return imagesIn(this.world).find((stored) => stored.repository === repository) !== undefined
  }

  verbOf(request: Request): string {
    const { pathname } = new URL(request.url)
    if (pathname === TOKEN_PATH) return `${request.method} token`
    return `${request.method} ${MANIFEST_PATH.test(pathname) ? 'manifests' : 'other'}`
  }

  async handle(request: Request): Promise<Response> {
    try {
      return this.answer(request)
    } catch (thrown) {
      if (!(thrown instanceof Refusal)) throw thrown
      return errorAnswer(request.method, thrown)
    }
  }

  refuse({ method }: Request, { code = 'TOOMANYREQUESTS', status }: Fault): Response {
    const headers = { 'retry-after': String(RETRY_AFTER_SECONDS) }
    const known = isRegistryCode(code) ? code : 'TOOMANYREQUESTS'
    return errorAnswer(method, new Refusal(known, 'The simulator refuses this request.', headers), status)
  }

  private answer(request: Request): Response {
    const { pathname } = new URL(request.url)
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      throw new Refusal('UNSUPPORTED', 'The operation is unsupported.')
    }
    if (pathname === TOKEN_PATH) return this.tokens.give(request)
    const [, repository = null, reference = ''] = MANIFEST_PATH.exec(pathname) ?? []
    this.tokens.check(request, repository)
    if (pathname === '/v2/' || pathname === '/v2') return Response.json({})
    if (repository === null) throw new Refusal('NAME_UNKNOWN', 'repository name not known to registry')
    return this.manifest(request, repository, reference)
  }

  private manifest(request: Request, repository: string, reference: string): Response {
    const digest = reference.includes(':')
      ? reference
      : tagsIn(this.world).get(`${repository}:${reference}`)?.digest
    const image = imagesIn(this.world).get(digest ?? '')
    const accepted = request.headers.get('accept') ?? '*/*'
    const isAccepted = accepted.includes(MANIFEST_TYPE) || accepted.includes('*/*')
    if (!image || image.repository !== repository || !isAccepted) {
      throw new Refusal('MANIFEST_UNKNOWN', 'manifest unknown')
    }
    return new Response(request.method === 'HEAD' ? null : image.manifest, {
      headers: {
        'content-type': MANIFEST_TYPE,
        'content-length': String(Buffer.byteLength(image.manifest)),
        'docker-content-digest': image.id,
      },
    })
  }

  private isPrivate(repository: string): boolean {
    return this.privates.get(repository) !== undefined
  }

  private get privates() {
    return this.world.table<Private>('registry_privates')
  }
}

/** Of `ghcr.io/owner/app:v43`: all registries are one here, so the host does not matter. */
function partsOf(image: string): { repository: string; tag: string } {
  const [, repository = '', tag = ''] = /^(?:[^/]*[.:][^/]*\/|localhost\/)?(.+):([^:/]+)$/.exec(image) ?? []
  return { repository, tag }
}

function isSameLogin(one: Login | undefined, other: Login | undefined): boolean {
  return other !== undefined && one?.username === other.username && one.password === other.password
}
