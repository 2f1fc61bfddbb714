import { Live } from '../components/live'
import { type Money, moneyList } from '../components/money'
import { Notice } from '../components/notice'
import { listHref, type Page, Pager } from '../components/pager'
import type { Order } from '../components/table'
import { Time } from '../components/time'
import type { Child, Html } from '../jsx-runtime'
import { AdminHeading, AdminPage, type Operator } from '../layout/admin-page'
import { FindingList, type FindingView } from './drift-findings'
import { ListFilter } from './list-filter'

/** The latest look at the clouds; times in UTC milliseconds. */
export type LookView = {
  status: 'running' | 'complete' | 'failed'
  startedAt: number
  finishedAt: number | null
  /** How many of each thing it has listed, in words: '1,200 servers'. */
  seen: string[]
  /** Whom it could not ask for everything, and since when no look could. */
  unlisted: { source: string; error: string; since: number }[]
  /** How many findings it put right by itself, or because it was asked to. */
  mended: number
  error: string | null
}

export type DriftFilter = { q: string; status: 'open' | 'ignored' | 'resolved'; kind: string } & Order

export type DriftData = {
  look: LookView | null
  findings: FindingView[]
  page: Page
  filter: DriftFilter
  /** The kinds that there are with this status, the most urgent first. */
  kinds: { kind: string; label: string; count: number }[]
  open: number
  ignored: number
  /** What the open findings cost a month; `unknown` of them have no known price. */
  cost: { known: Money[]; unknown: number }
  /** How many findings Atlas could act on now. */
  applicable: number
  now: number
}

export type DriftProps = DriftData & { operator: Operator; eventsUrl: string }

const PATH = '/admin/drift'

/** Where the clouds and our rows do not agree, and what can be done about it. */
export function DriftPage({ operator, eventsUrl, ...data }: DriftProps): Html {
  return (
    <AdminPage operator={operator} section="drift" title="Drift">
      <AdminHeading title="Drift">
        <form method="post" action={`${PATH}/looks`}>
          <button class="button button-quiet" type="submit">
            Look now
          </button>
        </form>
      </AdminHeading>
      <ListFilter
        path={PATH}
        target="drift"
        search={{ label: 'Tenant, server, name or id', value: data.filter.q }}
        choices={[]}
        kept={{ ...data.filter, q: undefined }}
        swap="outerHTML"
      />
      <div id="drift">
        <Live eventsUrl={eventsUrl}>
          <Drift {...data} />
        </Live>
      </div>
    </AdminPage>
  )
}

/** The fragment that the page keeps up to date. */
export function Drift(data: DriftData): Html {
  return (
    <>
      <Look {...data} />
      <Figures {...data} />
      <Facets {...data} />
      <FindingList {...data} />
      <Pager path={PATH} query={{ ...data.filter }} page={data.page} />
    </>
  )
}

function Look({ look, now }: DriftData): Html {
  if (!look) {
    return (
      <Notice tone="info" title="Nobody has looked yet">
        <p>Every hour Atlas lists what the clouds hold and compares it with what it knows.</p>
      </Notice>
    )
  }
  const seen = look.seen.join(', ')
  if (look.status === 'running') {
    return (
      <Notice tone="info" title="Looking…">
        <p>{seen ? `So far: ${seen}.` : 'The first list is on its way.'}</p>
      </Notice>
    )
  }
  if (look.status === 'failed') {
    return (
      <Notice tone="bad" title="The last look did not come to its end">
        <p>{look.error ?? 'No reason was recorded.'} What is shown here is from the look before.</p>
      </Notice>
    )
  }
  return (
    <>
      <Unlisted unlisted={look.unlisted} now={now} />
      {seen !== '' && <Looked look={look} seen={seen} now={now} />}
    </>
  )
}

function Unlisted({ unlisted, now }: { unlisted: LookView['unlisted']; now: number }): Html | null {
  if (unlisted.length === 0) return null
  return (
    <Notice tone="bad" title="Not everything could be listed">
      <ul class="plain">
        {unlisted.map(({ source, error, since }) => (
          <li>
            <strong>{source}</strong> (first failed <Time at={since} now={now} />
            ): {error}
          </li>
        ))}
      </ul>
      <p>What was found there before is shown as it was then, and nothing counts as missing.</p>
    </Notice>
  )
}

function Looked({ look, seen, now }: { look: LookView; seen: string; now: number }): Html {
  const mended = look.mended === 1 ? 'put 1 thing right' : `put ${NUMBER.format(look.mended)} things right`
  return (
    <p class="drift-look muted">
      Looked <Time at={look.finishedAt ?? look.startedAt} now={now} /> at {seen}
      {look.mended > 0 ? ` and ${mended}.` : '.'}
    </p>
  )
}

function Figures({ open, ignored, cost, applicable }: DriftData): Html {
  return (
    <dl class="figures figures-four block">
      <Figure name="Open">{NUMBER.format(open)}</Figure>
      <Figure name="Cost a month">
        {moneyList(cost.known)}{' '}
        {cost.unknown > 0 && (
          <span class="figure-note">and {NUMBER.format(cost.unknown)} of unknown price</span>
        )}
      </Figure>
      <Figure name="Can be applied now">
        {applicable > 0 ? (
          <a href={`${PATH}/application`}>
            {NUMBER.format(applicable)}
            <span class="visually-hidden"> findings: see and apply them</span>
          </a>
        ) : (
          '0'
        )}
      </Figure>
      <Figure name="Ignored">{NUMBER.format(ignored)}</Figure>
    </dl>
  )
}

function Figure({ name, children }: { name: string; children: Child }): Html {
  return (
    <div class="figure">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}

const STATUSES: { status: DriftFilter['status']; label: string }[] = [
  { status: 'open', label: 'Open' },
  { status: 'ignored', label: 'Ignored' },
  { status: 'resolved', label: 'Resolved' },
]

const ORDERS: (Order & { label: string })[] = [
  { sort: 'urgency', dir: 'asc', label: 'Most urgent first' },
  { sort: 'cost', dir: 'desc', label: 'Costliest first' },
  { sort: 'seen', dir: 'desc', label: 'Newest first' },
]
const LATEST: (typeof ORDERS)[number] = { sort: 'resolved', dir: 'desc', label: 'Latest resolved first' }

function Facets({ filter, kinds, page }: DriftData): Html {
  const total = kinds.reduce((sum, { count }) => sum + count, 0)
  return (
    <nav class="facets block" aria-label="Findings">
      <ul class="plain">
        {STATUSES.map(({ status, label }) => (
          <Facet href={listHref(PATH, { q: filter.q, status })} isCurrent={status === filter.status}>
            {label}
          </Facet>
        ))}
      </ul>
      {kinds.length > 1 && (
        <ul class="plain">
          <Facet href={listHref(PATH, { ...filter, kind: '' })} isCurrent={filter.kind === ''}>
            All kinds <span class="muted">{NUMBER.format(total)}</span>
          </Facet>
          {kinds.map(({ kind, label, count }) => (
            <Facet href={listHref(PATH, { ...filter, kind })} isCurrent={kind === filter.kind}>
              {label} <span class="muted">{NUMBER.format(count)}</span>
            </Facet>
          ))}
        </ul>
      )}
      {page.total > 1 && (
        <ul class="plain">
          {(filter.status === 'resolved' ? [LATEST, ...ORDERS] : ORDERS).map(({ label, ...order }) => (
            <Facet
              href={listHref(PATH, { ...filter, ...order })}
              isCurrent={order.sort === filter.sort && order.dir === filter.dir}
            >
              {label}
            </Facet>
          ))}
        </ul>
      )}
    </nav>
  )
}

function Facet(props: { href: string; isCurrent: boolean; children?: Child }): Html {
  return (
    <li>
      <a class="facet" href={props.href} aria-current={props.isCurrent ? 'true' : undefined}>
        {props.children}
      </a>
    </li>
  )
}

const NUMBER = new Intl.NumberFormat('en-US')
