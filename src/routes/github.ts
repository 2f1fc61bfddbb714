import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { notFound } from '../errors'
import { countUp } from '../inbox/inbox'
import { type Push, receivePush } from '../rollouts/pushes'
import { json } from './answer'
import { Refusal } from './refusal'
import { readText } from './request'
import { routes } from './route'

/** A push may tell of 2,000 commits. */
const PUSH_BYTES_MAX = 5 * 1024 * 1024
const DELIVERY = /^[\w-]{1,64}$/
const DIGEST_LETTERS = 16

/** What GitHub tells us: a push may begin a rollout of a blueprint that says so. */
export const githubRoutes = routes({
  method: 'POST',
  path: '/api/github/webhook',
  policy: 'webhook',
  handle: async ({ services, request }) => {
    const { db, clock, catalog, settings } = services
    if (settings.githubSecret === null)
      throw notFound('GITHUB_WEBHOOK_SECRET is not set, so nothing is listened to.')
    const body = await readText(request, PUSH_BYTES_MAX)
    const id = request.headers.get('x-github-delivery') ?? ''
    if (
      !isSigned(body, settings.githubSecret, request.headers.get('x-hub-signature-256')) ||
      !DELIVERY.test(id)
    ) {
      db.writeQuietly((tx) => countUp(tx, 'github_webhooks_refused'))
      throw new Refusal(400, 'The webhook does not verify.')
    }
    const digest = createHash('sha256').update(body).digest('hex').slice(0, DIGEST_LETTERS)
    const push = request.headers.get('x-github-event') === 'push' ? pushIn(body) : null
    const accepted = db.write((tx) => receivePush(tx, catalog, { id, digest, push }, clock.now()))
    return json({ received: true, accepted })
  },
})

function isSigned(body: string, secret: string, signature: string | null): boolean {
  const own = Buffer.from(`sha256=${createHmac('sha256', secret).update(body).digest('hex')}`)
  const given = Buffer.from(signature ?? '')
  return given.length === own.length && timingSafeEqual(given, own)
}

/** The push that a body tells of; null for one that deletes, and for what is none. */
function pushIn(body: string): Push | null {
  const { ref, after, deleted, repository, head_commit: head, commits } = readObject(body)
  const name = textIn(repository, 'full_name')
  if (deleted === true || typeof ref !== 'string' || typeof after !== 'string' || name === null) return null
  const all = [head, ...(Array.isArray(commits) ? commits : [])]
  const messages = all.flatMap((commit) => textIn(commit, 'message') ?? [])
  return { repository: name, ref, commit: after, messages }
}

function readObject(body: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body)
    return typeof value === 'object' && value !== null ? { ...value } : {}
  } catch {
    throw new Refusal(415, 'The webhook must be sent as application/json.')
  }
}

function textIn(value: unknown, name: string): string | null {
  if (typeof value !== 'object' || value === null) return null
  const text = (value as Record<string, unknown>)[name]
  return typeof text === 'string' ? text : null
}
