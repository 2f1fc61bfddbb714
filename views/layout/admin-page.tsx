import { AtlasMark, Compare, Gauge, Inbox, Play, Pulse, Server, Waves } from '../components/icons'
import type { Child, Html } from '../jsx-runtime'
import { Document } from './document'

export type AdminSection = 'overview' | 'signups' | 'tenants' | 'runs' | 'rollouts' | 'health' | 'drift'

/** What every page of the operator shows around its content. */
export type Operator = {
  email: string
  shopName: string
  /** On how many things the clouds and Atlas do not agree. */
  openFindings?: number
}

const SECTIONS = [
  { section: 'overview', href: '/admin', label: 'Overview', Sign: Gauge },
  { section: 'signups', href: '/admin/signups', label: 'Signups', Sign: Inbox },
  { section: 'tenants', href: '/admin/tenants', label: 'Tenants', Sign: Server },
  { section: 'runs', href: '/admin/runs', label: 'Runs', Sign: Play },
  { section: 'rollouts', href: '/admin/rollouts', label: 'Rollouts', Sign: Waves },
  { section: 'health', href: '/admin/health', label: 'Health', Sign: Pulse },
  { section: 'drift', href: '/admin/drift', label: 'Drift', Sign: Compare },
] as const

/** Every page of the operator's dashboard: navigation at the side, at the top on a phone. */
export function AdminPage(props: {
  operator: Operator
  section: AdminSection
  title: string
  children: Child
}): Html {
  return (
    <Document title={`${props.title} · Atlas`} bodyClass="admin" icon="/assets/atlas.svg" indexed={false}>
      <header class="admin-side">
        <a class="wordmark" href="/admin">
          <span class="wordmark-sign">
            <AtlasMark />
          </span>
          <span>
            Atlas <span class="wordmark-shop">{props.operator.shopName}</span>
          </span>
        </a>
        <nav class="admin-nav" aria-label="Main">
          <ul class="plain">
            {SECTIONS.map(({ section, href, label, Sign }) => (
              <li>
                <a href={href} aria-current={section === props.section ? 'page' : undefined}>
                  <Sign />
                  {label}
                  {section === 'drift' && <OpenFindings count={props.operator.openFindings ?? 0} />}
                </a>
              </li>
            ))}
          </ul>
        </nav>
        <form class="admin-account" method="post" action="/logout">
          <span class="admin-email" title={props.operator.email}>
            {props.operator.email}
          </span>
          <button class="button button-quiet button-small" type="submit">
            Sign out
          </button>
        </form>
      </header>
      <main id="main" class="admin-main" tabindex={-1}>
        {props.children}
      </main>
    </Document>
  )
}

function OpenFindings({ count }: { count: number }): Html | null {
  if (count === 0) return null
  return (
    <span class="nav-count">
      {count > COUNTED_MAX ? `${COUNTED_MAX}+` : count}
      <span class="visually-hidden"> open</span>
    </span>
  )
}

const COUNTED_MAX = 999

/** The heading of an operator's page, with its path back and its actions. */
export function AdminHeading(props: {
  title: string
  badge?: Child
  back?: { href: string; label: string }
  children?: Child
}): Html {
  return (
    <div class="page-head">
      <div>
        {props.back && (
          <p class="breadcrumb">
            <span aria-hidden="true">← </span>
            <a href={props.back.href}>{props.back.label}</a>
          </p>
        )}
        <div class="page-title">
          <h1>{props.title}</h1>
          {props.badge}
        </div>
      </div>
      {props.children && <div class="page-actions">{props.children}</div>}
    </div>
  )
}
