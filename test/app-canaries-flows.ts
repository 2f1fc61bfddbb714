import { createHmac } from 'node:crypto'
import { liveStory } from '../src/cli/story'
import { liveOn } from '../src/cli/story/life'
import type { People } from '../src/cli/story/scene'
import type { CanaryScene } from './app-canaries-scene'

const CUSTOMERS = [
  { subdomain: 'canary-one', email: 'one@example.com', plan: 'starter' },
  { subdomain: 'canary-two', email: 'two@example.com', plan: 'pro' },
] as const
const PATIENCE_MS = 30_000

/** Every flow that a secret passes through, once. */
export async function liveEverything(scene: CanaryScene): Promise<void> {
  const token = scene.apiToken()
  const people: People[] = []
  // One after the other: they share an operator, whose sign-in links would cross.
  for (const customer of CUSTOMERS) people.push(await liveStory(scene.story, customer))
  scene.learnTenantsSecrets()
  await failRelease(scene, token)
  await shipByPush(scene, token)
  await lookAtDrift(scene, token)
  await backUp(scene, token)
  await liveOn(
    scene.story,
    CUSTOMERS[0],
    people[0]!,
    {
      otherPlan: { key: 'pro', id: 'virtues/pro' },
      holdingPage: true,
      backups: true,
      rotation: true,
    },
    // What is made in between is forgotten later on.
    async () => scene.learnTenantsSecrets(),
  )
}

/** A release that prints everything it knows reaches one of them, and is taken back. */
async function failRelease(scene: CanaryScene, token: string): Promise<void> {
  scene.publish('v43', 'indiscreet')
  const order = { tag: 'v43', migration: 'none', bake_minutes: 0 }
  const { rollout_id: id } = await ask<{ rollout_id: string }>(scene, token, '/api/admin/deploy', order)
  await until('the release to be taken back', async () => {
    const { status } = await ask<{ status: string }>(scene, token, `/api/admin/rollouts/${id}`)
    return status === 'rolled_back'
  })
}

/** A push at GitHub brings a good one; its bake time is nothing to wait for. */
async function shipByPush(scene: CanaryScene, token: string): Promise<void> {
  const { front } = scene.atlas.services.catalog
  Object.assign(front.deploy, { github: { repository: 'example/virtues', branch: null, tags: true } })
  scene.publish('v44', 'good')
  const refused = await push(scene, 'forged')
  if (refused.status !== 400) throw new Error(`a forged push is answered with ${refused.status}`)
  await push(scene, scene.env.GITHUB_WEBHOOK_SECRET ?? '')
  await until('the pushed release to run', async () => {
    const { tenants } = await ask<{ tenants: { release: string }[] }>(scene, token, '/api/admin/tenants')
    return tenants.some(({ release }) => release === 'v44')
  })
  const { rollouts } = await ask<{ rollouts: { id: string }[] }>(scene, token, '/api/admin/rollouts')
  await ask(scene, token, `/api/admin/rollouts/${rollouts[0]?.id}/abortion`, {})
}

function push({ story }: CanaryScene, secret: string): Promise<Response> {
  const commit = 'c0ffee00'.repeat(5)
  const body = JSON.stringify({
    ref: 'refs/tags/v44',
    after: commit,
    deleted: false,
    repository: { full_name: 'example/virtues' },
    head_commit: { id: commit, message: 'Faster\n\nAtlas-Migration: none\n' },
  })
  const signature = createHmac('sha256', secret).update(body).digest('hex')
  const headers = {
    'content-type': 'application/json',
    'x-github-event': 'push',
    'x-github-delivery': crypto.randomUUID(),
    'x-hub-signature-256': `sha256=${signature}`,
  }
  return fetch(`${story.atlas}/api/github/webhook`, { method: 'POST', body, headers })
}

/** Something of everything is left behind at the clouds, and found. */
async function lookAtDrift(scene: CanaryScene, token: string): Promise<void> {
  for (const stray of ['server', 'record', 'address', 'image']) {
    const body = new URLSearchParams({ stray })
    await fetch(`${scene.story.clouds}/control/drift`, { method: 'POST', body, redirect: 'manual' })
  }
  const begun = { apply: true }
  const { look_id: id } = await ask<{ look_id: string }>(scene, token, '/api/admin/drift/looks', begun)
  await until('the look to end', async () => {
    const { status } = await ask<{ status: string }>(scene, token, `/api/admin/drift/looks/${id}`)
    return status === 'complete'
  })
  const { total } = await ask<{ total: number }>(scene, token, '/api/admin/drift')
  if (total < 3) throw new Error(`the look has found ${total} strays only`)
}

/** Of the one that stays, so that its pages have a way back; then its key is handed out. */
async function backUp(scene: CanaryScene, token: string): Promise<void> {
  const { subdomain } = CUSTOMERS[1]
  const found = await ask<{ tenants: { id: string }[] }>(scene, token, `/api/admin/tenants?q=${subdomain}`)
  const path = `/api/admin/tenant/${found.tenants[0]?.id}/backups`
  await ask(scene, token, path, { method: 'app' })
  await until('the backup to be complete', async () => {
    const { backups } = await ask<{ backups: { status: string }[] }>(scene, token, path)
    return backups[0]?.status === 'complete'
  })
  scene.learnTenantsSecrets()
  const asked = { confirmation: subdomain }
  const { identity } = await ask<{ identity: string }>(
    scene,
    token,
    path.replace('backups', 'backup-key'),
    asked,
  )
  if (scene.canaries.foundIn(identity, 'another answer').length !== 1) throw new Error('the key is no canary')
}

async function ask<T>({ story }: CanaryScene, token: string, path: string, body?: object): Promise<T> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const post = body && { method: 'POST', body: JSON.stringify(body) }
  const answer = await fetch(`${story.atlas}${path}`, { headers, ...post })
  if (!answer.ok) throw new Error(`${path} answers with ${answer.status}: ${await answer.text()}`)
  return (await answer.json()) as T
}

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + PATIENCE_MS; !(await isSo()); await Bun.sleep(20)) {
    if (Date.now() > deadline) throw new Error(`waited in vain for ${what}`)
  }
}
