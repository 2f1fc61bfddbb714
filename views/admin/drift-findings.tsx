import { Empty } from '../components/empty'
import { type Money, moneyText } from '../components/money'
import { countWords, listHref, type Page } from '../components/pager'
import { Time } from '../components/time'
import type { Html } from '../jsx-runtime'
import type { DriftFilter, LookView } from './drift'

/** Whether Atlas may act on a finding: now, after a question, once it is confirmed (UTC milliseconds), or never. */
export type Appliance = 'now' | 'asked' | { after: number } | 'by_hand'

/** One thing on which a cloud and our rows do not agree; times in UTC milliseconds. */
export type FindingView = {
  id: string
  /** Its kind in a few words. */
  label: string
  title: string
  /** What Atlas would do, or what a person has to. */
  would: string
  tenant: { id: string; subdomain: string } | null
  /** A month; null for what costs nothing or has no known price. */
  cost: Money | null
  hasUnknownPrice: boolean
  appliance: Appliance
  /** The page on which a person does what Atlas does not do by itself. */
  deed: { href: string; label: string } | null
  /** What its button says. */
  button: string
  status: 'open' | 'ignored' | 'resolved'
  sightings: number
  firstSeenAt: number
  /** What went wrong when it was last acted on. */
  error: string | null
  /** Who dealt with it, in words, and when. */
  resolved: { by: string; at: number } | null
}

type ListProps = {
  findings: FindingView[]
  page: Page
  filter: DriftFilter
  look: Pick<LookView, 'status' | 'unlisted'> | null
  now: number
}

/** Findings, each with what it costs and what can be done about it. */
export function FindingList({ findings, page, filter, look, now }: ListProps): Html {
  const back = listHref('', { ...filter, page: page.number })
  return (
    <section class="block" aria-labelledby="finding-count">
      <h2 class="count" id="finding-count" aria-live="polite">
        {countWords(page, 'finding', 'findings')}
      </h2>
      {findings.length > 0 ? (
        <ul class="needs plain">
          {findings.map((finding) => (
            <Finding finding={finding} back={back} now={now} />
          ))}
        </ul>
      ) : (
        <NoFindings filter={filter} look={look} />
      )}
    </section>
  )
}

/** `back` is the query of the list as it is shown, so that what is done to a finding leads back to it. */
type FindingProps = { finding: FindingView; back: string; now: number }

function Finding({ finding, back, now }: FindingProps): Html {
  const { tenant, error, resolved } = finding
  return (
    <li class="need finding" id={finding.id}>
      <div class="need-body">
        <p class="finding-facts muted">
          <span>{finding.label}</span>
          <span>
            first seen <Time at={finding.firstSeenAt} now={now} />
            {finding.sightings > 1 && `, ${finding.sightings} times since`}
          </span>
          {finding.cost && <span>{moneyText(finding.cost)} a month</span>}
          {finding.hasUnknownPrice && <span>costs money, the list does not say how much</span>}
        </p>
        <p>
          <strong>{finding.title}</strong>
        </p>
        {resolved ? (
          <p>
            {resolved.by} <Time at={resolved.at} now={now} />
          </p>
        ) : (
          <p>
            {finding.would} {tenant && <a href={`/admin/tenants/${tenant.id}`}>Open {tenant.subdomain}</a>}
          </p>
        )}
        {error && <p class="effect-error">The last try: {error}</p>}
      </div>
      {finding.status !== 'resolved' && <Actions finding={finding} back={back} />}
    </li>
  )
}

function Actions({ finding, back }: Omit<FindingProps, 'now'>): Html {
  const { id, title, status } = finding
  const about = <span class="visually-hidden">: {title}</span>
  if (status === 'ignored') {
    return (
      <div class="need-actions">
        <form method="post" action={`/admin/drift/${id}/exemption-withdrawal${back}`}>
          <button class="button button-quiet" type="submit">
            Heed again{about}
          </button>
        </form>
      </div>
    )
  }
  return (
    <div class="need-actions">
      <Apply finding={finding} back={back} />
      <form method="post" action={`/admin/drift/${id}/exemption${back}`}>
        <button class="button button-quiet" type="submit">
          Ignore{about}
        </button>
      </form>
    </div>
  )
}

function Apply({ finding, back }: Omit<FindingProps, 'now'>): Html | null {
  const { id, appliance, deed, button, title } = finding
  const about = <span class="visually-hidden">: {title}</span>
  if (appliance === 'by_hand') {
    return (
      deed && (
        <a class="button button-quiet" href={deed.href}>
          {deed.label}…{about}
        </a>
      )
    )
  }
  if (typeof appliance === 'object') {
    const at = new Date(appliance.after).toISOString()
    return (
      <p class="finding-later muted">
        Can be applied when a look sees it again after{' '}
        <time datetime={at} title={`${at.slice(0, 19).replace('T', ' ')} UTC`} data-clock>
          {at.slice(11, 19)}
        </time>
      </p>
    )
  }
  if (appliance === 'asked') {
    return (
      <a class="button button-danger" href={`/admin/drift/${id}/application`}>
        {button}…{about}
      </a>
    )
  }
  return (
    <form method="post" action={`/admin/drift/${id}/application${back}`}>
      <button class="button button-primary" type="submit">
        {button}
        {about}
      </button>
    </form>
  )
}

function NoFindings({ filter, look }: Pick<ListProps, 'filter' | 'look'>): Html {
  if (filter.q || filter.kind) {
    return (
      <Empty title="No finding matches">
        <p>
          <a href={listHref('/admin/drift', { status: filter.status })}>Show all {filter.status} findings</a>
        </p>
      </Empty>
    )
  }
  if (filter.status !== 'open') return <Empty title={`Nothing ${filter.status} here`} />
  if (!look) return <Empty title="Nothing is known yet" />
  if (look.status !== 'complete') return <Empty title="Nothing is open" />
  if (look.unlisted.length > 0) return <Empty title="What could be listed agrees" />
  return (
    <Empty title="Everything agrees">
      <p>The clouds hold what Atlas knows of, and nothing else.</p>
    </Empty>
  )
}
