import { runs, signups, tenants } from '../src/db/schema'
import { signupToken } from '../src/signups/link'
import type { CanaryScene } from './app-canaries-scene'

/** What was answered to a request, headers and all. */
export type Kept = { title: string; text: string }

const PAGES_MAX = 600
/** Of one page, with another filter or page number each. */
const QUERIES_MAX = 4

/**
 * Signs in by hand, so that every token on the way is known, and opens every page that a link leads to, and all that
 * programs may read.
 */
export async function lookAround(scene: CanaryScene): Promise<Kept[]> {
  const visit = new Visit(scene, await signIn(scene), scene.apiToken())
  for (const path of ['/api/signup', '/api/admin/provision', '/api/admin/deploy', '/api/stripe/webhook']) {
    await visit.open(path, { method: 'POST', body: '{"x"', headers: { 'content-type': 'application/json' } })
  }
  await visit.crawl(['/', '/login', '/admin', ...known(scene), ...strange()])
  return visit.kept
}

class Visit {
  readonly kept: Kept[] = []
  private readonly queries = new Map<string, Set<string>>()

  constructor(
    private readonly scene: CanaryScene,
    private readonly session: string,
    private readonly token: string,
  ) {}

  /** Follows links, page by page. */
  async crawl(first: string[]): Promise<void> {
    const ahead = first.filter((path) => this.isNew(path))
    for (let path = ahead.shift(); path !== undefined; path = ahead.shift()) {
      if (this.kept.length > PAGES_MAX) throw new Error('there are more pages than anybody would look at')
      const page = await this.open(path)
      const links = [...page.matchAll(/(?:href|hx-get)="(\/[^"#]*)/g)].map(([, link = '']) => link)
      ahead.push(...links.map((link) => link.replaceAll('&amp;', '&')).filter((link) => this.isNew(link)))
    }
  }

  async open(path: string, init: RequestInit = {}): Promise<string> {
    const headers = new Headers(init.headers)
    if (path.startsWith('/api/')) headers.set('authorization', `Bearer ${this.token}`)
    else headers.set('cookie', `atlas_session=${this.session}`)
    const url = `${this.scene.story.atlas}${path}`
    const answer = await fetch(url, { ...init, redirect: 'manual', headers })
    const text = await answer.text()
    this.kept.push({ title: path, text: `${JSON.stringify([...answer.headers])}\n${text}` })
    return text
  }

  private isNew(link: string): boolean {
    const [path = '', query = ''] = link.split('?')
    const seen = this.queries.get(path) ?? new Set<string>()
    // An event stream does not end; it sends what the page has.
    if (path.endsWith('/events') || seen.has(query) || seen.size >= QUERIES_MAX) return false
    this.queries.set(path, seen.add(query))
    return true
  }
}

/** Whatever has an id, also where no list shows it any more. */
function known({ atlas }: CanaryScene): string[] {
  const { db, settings } = atlas.services
  const ofTenant = (id: string) => [
    `/admin/tenants/${id}`,
    `/admin/tenants/${id}/timeline`,
    ...['', '/backups', '/timeline'].map((part) => `/api/admin/tenant/${id}${part}`),
  ]
  const ofRun = (id: string) => [`/admin/runs/${id}`, `/admin/runs/${id}/undo`, `/api/admin/runs/${id}`]
  const pages = ['tenants', 'drift', 'rollouts', 'releases'].map((noun) => `/api/admin/${noun}`)
  return [
    ...pages,
    '/api/openapi.json',
    ...db.read
      .select()
      .from(tenants)
      .all()
      .flatMap(({ id }) => ofTenant(id)),
    ...db.read
      .select()
      .from(runs)
      .all()
      .flatMap(({ id }) => ofRun(id)),
    ...db.read
      .select()
      .from(signups)
      .all()
      .map(({ id }) => `/signup/success?signup=${signupToken(settings.authSecret, id)}`),
  ]
}

function strange(): string[] {
  return ['/nowhere', '/api/nowhere', '/admin/runs/run_x', `/login/confirm?token=${'x'.repeat(43)}`]
}

/** Resolves to the session of an operator who has just signed in. */
async function signIn({ canaries, story }: CanaryScene): Promise<string> {
  const post = (path: string, fields: Record<string, string>, cookie = '') =>
    fetch(`${story.atlas}${path}`, {
      method: 'POST',
      redirect: 'manual',
      body: new URLSearchParams(fields),
      headers: { origin: story.atlas, cookie },
    })
  const before = await signInLinks(story)
  const asked = await post('/login', { email: story.adminEmail })
  const browser = canaries.remember('browser token', cookieOf(asked, 'atlas_browser'))
  const token = canaries.remember('sign-in link', await nextLink(story, before), /^login mail$/)
  const answer = await post('/login/confirm', { token }, `atlas_browser=${browser}`)
  return canaries.remember('session', cookieOf(answer, 'atlas_session'))
}

function cookieOf(answer: Response, name: string): string | undefined {
  const lines = answer.headers.getSetCookie()
  return lines.flatMap((line) => new RegExp(`^${name}=([^;]+)`).exec(line)?.[1] ?? [])[0]
}

async function signInLinks({ clouds, adminEmail }: CanaryScene['story']): Promise<string[]> {
  const answer = await fetch(`${clouds}/mailbox.json?to=${encodeURIComponent(adminEmail)}`)
  const { mails } = (await answer.json()) as { mails: { text: string }[] }
  return mails.flatMap(({ text }) => /confirm\?token=([\w-]+)/.exec(text)?.[1] ?? [])
}

/** The link that comes after those known. */
async function nextLink(story: CanaryScene['story'], known: string[]): Promise<string> {
  for (let i = 0; i < 500; i++) {
    const link = (await signInLinks(story)).find((token) => !known.includes(token))
    if (link) return link
    await Bun.sleep(20)
  }
  throw new Error('no sign-in mail came')
}
