import { Empty } from '../components/empty'
import { Live } from '../components/live'
import { listHref } from '../components/pager'
import { Time } from '../components/time'
import type { Html } from '../jsx-runtime'
import { AdminHeading, AdminPage, type Operator } from '../layout/admin-page'
import { ListFilter } from './list-filter'

type Kind = 'event' | 'decision' | 'effect' | 'probe' | 'action' | 'mail' | 'finding'
type Severity = 'info' | 'good' | 'warning' | 'bad'

/** One thing that happened to a tenant, or because of it; `at` in UTC milliseconds. */
export type EntryView = {
  id: string
  at: number
  kind: Kind
  title: string
  detail: string | null
  link: string | null
  severity: Severity
  actor: string | null
  ip: string | null
}

export type TimelineData = {
  tenant: { id: string; subdomain: string }
  entries: EntryView[]
  /** Where older entries begin; null when there are none. */
  next: string | null
  /** `before` is where this part begins; empty for the newest. */
  filter: { kind: Kind | ''; q: string; before: string }
  /** From when on everything is told; null when all is. */
  fullSince: number | null
  now: number
}

export type TimelineProps = TimelineData & { operator: Operator }

const KINDS: Record<Kind, string> = {
  event: 'Events in',
  decision: 'Decisions',
  effect: 'Effects out',
  probe: 'Health checks',
  action: 'People’s actions',
  mail: 'Mails',
  finding: 'Drift',
}

/** Why a tenant is as it is: its whole story, newest first. */
export function TimelinePage({ operator, ...story }: TimelineProps): Html {
  const { tenant, filter } = story
  const path = timelinePath(tenant.id)
  const options = Object.entries(KINDS).map(([value, label]) => ({ value, label }))
  const { before: _, ...query } = filter
  return (
    <AdminPage operator={operator} section="tenants" title={`Timeline of ${tenant.subdomain}`}>
      <AdminHeading title="Timeline" back={{ href: `/admin/tenants/${tenant.id}`, label: tenant.subdomain }}>
        <a class="button button-quiet" href={listHref(`${path}.json`, query)}>
          Export as JSON
        </a>
      </AdminHeading>
      <ListFilter
        path={path}
        target="timeline"
        search={{ label: 'Words', value: filter.q }}
        choices={[{ name: 'kind', label: 'Kind', any: 'Everything', value: filter.kind, options }]}
        swap="outerHTML"
      />
      <section class="block" id="timeline" aria-label="Timeline">
        {filter.before ? (
          <Timeline {...story} />
        ) : (
          <Live eventsUrl={listHref(`${path}/events`, query)}>
            <Timeline {...story} />
          </Live>
        )}
      </section>
    </AdminPage>
  )
}

/** The fragment that the page keeps up to date. */
export function Timeline({ tenant, entries, next, filter, fullSince, now }: TimelineData): Html {
  const path = timelinePath(tenant.id)
  return (
    <>
      {entries.length > 0 ? (
        <div class="card">
          <EntryList entries={entries} now={now} />
        </div>
      ) : (
        <NoEntries path={path} filter={filter} next={next} />
      )}
      {next === null && fullSince !== null && <Forgotten before={fullSince} now={now} />}
      {(next !== null || filter.before) && (
        <nav class="pager" aria-label="Pages">
          {filter.before ? (
            <a class="button button-quiet" href={listHref(path, { ...filter, before: '' })}>
              Newest
            </a>
          ) : (
            <span />
          )}
          {next !== null && (
            <a class="button button-quiet" rel="next" href={listHref(path, { ...filter, before: next })}>
              Older
            </a>
          )}
        </nav>
      )}
    </>
  )
}

function Forgotten({ before, now }: { before: number; now: number }): Html {
  return (
    <p class="muted">
      Not everything from before <Time at={before} now={now} /> is kept: backups that are gone and the runs
      that made them are forgotten after 30 days; deploys that went well, events, sent mails, incidents and
      settled drift after 90. What people did and every other run is kept.
    </p>
  )
}

/** The latest of a tenant's story, for its page. */
export function LatestEntries(props: { tenantId: string; entries: EntryView[]; now: number }): Html {
  return (
    <section class="block" aria-labelledby="timeline-title">
      <div class="block-head">
        <h2 id="timeline-title">Timeline</h2>
        <a href={timelinePath(props.tenantId)}>The whole story</a>
      </div>
      {props.entries.length > 0 ? (
        <div class="card">
          <EntryList entries={props.entries} now={props.now} />
        </div>
      ) : (
        <Empty title="Nothing has happened yet">
          <p>The first event or call appears here the moment it comes or is made.</p>
        </Empty>
      )}
    </section>
  )
}

const TONES: Record<Severity, string> = { info: 'quiet', good: 'good', warning: 'attention', bad: 'bad' }

function EntryList({ entries, now }: { entries: EntryView[]; now: number }): Html {
  return (
    <ol class="effects plain" aria-label="Entries, newest first">
      {entries.map((entry) => (
        <li class="effect">
          <p class="effect-time muted">
            <Time at={entry.at} now={now} />
          </p>
          <div class="effect-body">
            <p>{entry.link ? <a href={entry.link}>{entry.title}</a> : <strong>{entry.title}</strong>}</p>
            {entry.detail && <p class="entry-detail">{entry.detail}</p>}
            {entry.actor && (
              <p class="muted entry-detail">
                by {entry.actor}
                {entry.ip && `, from ${entry.ip}`}
              </p>
            )}
          </div>
          <p class="effect-end">
            <span class={['badge', `badge-${TONES[entry.severity]}`]}>
              <span class="badge-dot" aria-hidden="true" />
              {entry.kind}
            </span>
          </p>
        </li>
      ))}
    </ol>
  )
}

function NoEntries({ path, filter, next }: Pick<TimelineData, 'filter' | 'next'> & { path: string }): Html {
  if (next !== null) {
    return (
      <Empty title="Nothing here matches">
        <p>What is older has not been looked at yet.</p>
      </Empty>
    )
  }
  return (
    <Empty title={filter.kind || filter.q ? 'Nothing matches' : 'Nothing has happened yet'}>
      <p>{(filter.kind || filter.q) && <a href={path}>Show everything</a>}</p>
    </Empty>
  )
}

const timelinePath = (tenantId: string) => `/admin/tenants/${tenantId}/timeline`
