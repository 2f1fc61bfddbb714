import { Badge, type HealthWord } from '../components/badge'
import { Empty } from '../components/empty'
import { Live } from '../components/live'
import { countWords, type Page, Pager } from '../components/pager'
import { type Order, Table } from '../components/table'
import { durationWords, Time } from '../components/time'
import type { Child, Html } from '../jsx-runtime'
import { AdminHeading, AdminPage, type Operator } from '../layout/admin-page'
import { ListFilter } from './list-filter'

export type HealthState = 'unknown' | 'healthy' | 'failing' | 'unhealthy'

/** How many active tenants there are in each state. */
export type HealthCounts = Record<HealthState, number>

/** A tenant that is not well; times in UTC milliseconds. */
export type AilingTenant = {
  tenantId: string
  subdomain: string
  state: HealthState
  reason: string | null
  /** When it answered no more. */
  changedAt: number | null
}

/** From the second failure in a row to the next good answer. */
export type IncidentView = { id: string; reason: string; startedAt: number; endedAt: number | null }

export type HealthFilter = { q: string; state: string } & Order

export type HealthProps = {
  operator: Operator
  eventsUrl: string
  counts: HealthCounts
  ailing: AilingTenant[]
  page: Page
  filter: HealthFilter
  /** The latest of all tenants, newest first. */
  incidents: (IncidentView & { tenantId: string; subdomain: string })[]
  now: number
}

const PATH = '/admin/health'
const NUMBER = new Intl.NumberFormat('en-US')

export const HEALTH_WORDS: Record<HealthState, HealthWord> = {
  unknown: 'unchecked',
  healthy: 'healthy',
  failing: 'failing',
  unhealthy: 'down',
}

/** How all tenants are: counts that follow along, those who are not well, and the latest incidents. */
export function HealthPage(props: HealthProps): Html {
  const options = [
    { value: 'unhealthy', label: 'Down' },
    { value: 'failing', label: 'Failing' },
  ]
  const state = { name: 'state', label: 'State', any: 'Down or failing', value: props.filter.state, options }
  return (
    <AdminPage operator={props.operator} section="health" title="Health">
      <AdminHeading title="Health" />
      <Live eventsUrl={props.eventsUrl}>
        <HealthFigures counts={props.counts} title="Now" />
      </Live>
      <ListFilter
        path={PATH}
        target="ailing-list"
        search={{ label: 'Tenant', value: props.filter.q }}
        choices={[state]}
        kept={{ sort: props.filter.sort, dir: props.filter.dir }}
      />
      <AilingList {...props} />
      <Incidents {...props} />
    </AdminPage>
  )
}

/** How many tenants are well and how many are not. */
export function HealthFigures({ counts, title }: { counts: HealthCounts; title: string }): Html {
  const figures: [name: string, count: Child][] = [
    ['Healthy', NUMBER.format(counts.healthy)],
    ['Failing', <a href={`${PATH}?state=failing`}>{NUMBER.format(counts.failing)}</a>],
    ['Down', <a href={`${PATH}?state=unhealthy`}>{NUMBER.format(counts.unhealthy)}</a>],
    ['Not checked yet', NUMBER.format(counts.unknown)],
  ]
  return (
    <section class="block" aria-labelledby="health-title">
      <h2 id="health-title">{title}</h2>
      <dl class="figures figures-four">
        {figures.map(([name, count]) => (
          <div class="figure">
            <dt>{name}</dt>
            <dd>{count}</dd>
          </div>
        ))}
      </dl>
    </section>
  )
}

/** The tenants that are not well. */
function AilingList({ ailing, page, filter, now }: Omit<HealthProps, 'operator'>): Html {
  return (
    <section class="block" id="ailing-list" aria-labelledby="ailing-count">
      <h2 class="count" id="ailing-count" aria-live="polite">
        {countWords(page, 'unwell tenant', 'unwell tenants')}
      </h2>
      {ailing.length > 0 ? (
        <AilingTable ailing={ailing} filter={filter} now={now} />
      ) : (
        <NobodyAils filter={filter} />
      )}
      <Pager path={PATH} query={filter} page={page} />
    </section>
  )
}

function AilingTable({ ailing, filter, now }: Pick<HealthProps, 'ailing' | 'filter' | 'now'>): Html {
  return (
    <Table
      label="Tenants that are not well"
      list={{ path: PATH, filter }}
      columns={[
        { name: 'Tenant', sort: 'subdomain' },
        { name: 'State', sort: 'state' },
        { name: 'Since', sort: 'since' },
      ]}
    >
      {ailing.map((tenant) => (
        <tr>
          <td>
            <a class="row-link" href={`/admin/tenants/${tenant.tenantId}`}>
              {tenant.subdomain}
            </a>
            {tenant.reason && <p class="row-note">{tenant.reason}</p>}
          </td>
          <td>
            <Badge status={HEALTH_WORDS[tenant.state]} />
          </td>
          <td class="muted nowrap">
            {tenant.changedAt !== null && <Time at={tenant.changedAt} now={now} />}
          </td>
        </tr>
      ))}
    </Table>
  )
}

function NobodyAils({ filter }: { filter: HealthFilter }): Html {
  if (filter.q || filter.state) {
    return (
      <Empty title="No tenant matches">
        <p>
          <a href={PATH}>Show all that are not well</a>
        </p>
      </Empty>
    )
  }
  return (
    <Empty title="Everybody answers">
      <p>Every active tenant is asked every five minutes. Who gives no good answer appears here.</p>
    </Empty>
  )
}

function Incidents({ incidents, now }: Pick<HealthProps, 'incidents' | 'now'>): Html {
  return (
    <section class="block" aria-labelledby="incidents-title">
      <h2 id="incidents-title">Latest incidents</h2>
      {incidents.length === 0 ? (
        <p class="muted">There has been none.</p>
      ) : (
        <Table label="Latest incidents" columns={incidentColumns('Tenant')}>
          {incidents.map((incident) => (
            <tr>
              <td>
                <a class="row-link" href={`/admin/tenants/${incident.tenantId}`}>
                  {incident.subdomain}
                </a>
                <p class="row-note">{incident.reason}</p>
              </td>
              <IncidentTimes incident={incident} now={now} />
            </tr>
          ))}
        </Table>
      )}
    </section>
  )
}

/** The columns of a table of incidents, whose first one differs. */
export const incidentColumns = (first: string) => [first, 'Began', { name: 'Lasted', class: 'number' }]

/** When an incident began and how long it lasted, as cells. */
export function IncidentTimes({ incident, now }: { incident: IncidentView; now: number }): Html {
  const { startedAt, endedAt } = incident
  return (
    <>
      <td class="muted nowrap">
        <Time at={startedAt} now={now} />
      </td>
      <td class="muted nowrap number">
        {endedAt === null ? <Badge status="down" /> : durationWords(endedAt - startedAt)}
      </td>
    </>
  )
}
