import { Badge } from '../components/badge'
import { Table } from '../components/table'
import { durationWords, Time } from '../components/time'
import type { Html } from '../jsx-runtime'
import { HEALTH_WORDS, type HealthState, IncidentTimes, type IncidentView, incidentColumns } from './health'

/** How one tenant is; times in UTC milliseconds. Without a check it is not asked: it is not active, or brand-new. */
export type TenantHealthView = {
  check: {
    state: HealthState
    reason: string | null
    tookMs: number | null
    dueAt: number
    checkedAt: number | null
    changedAt: number | null
  } | null
  /** Those of the last 30 days, newest first. */
  incidents: IncidentView[]
}

/** The tenant's health, for its page: state, last check, and its incidents of the last 30 days. */
export function TenantHealth({ health, now }: { health: TenantHealthView; now: number }): Html {
  return (
    <section class="block" aria-labelledby="health-title">
      <div class="block-head">
        <h2 id="health-title">Health</h2>
        {health.check && <Badge status={HEALTH_WORDS[health.check.state]} />}
      </div>
      <p class="muted block-lead">
        <LastCheck check={health.check} now={now} />
      </p>
      {health.incidents.length > 0 && (
        <Table label="Incidents of the last 30 days" columns={incidentColumns('Incident')}>
          {health.incidents.map((incident) => (
            <tr>
              <td>{incident.reason}</td>
              <IncidentTimes incident={incident} now={now} />
            </tr>
          ))}
        </Table>
      )}
    </section>
  )
}

function LastCheck({ check, now }: { check: TenantHealthView['check']; now: number }): Html {
  if (!check) return <>It is not checked. Active tenants are, from their first minutes on.</>
  if (check.checkedAt === null) {
    return (
      <>
        First check <Time at={check.dueAt} now={now} />.
      </>
    )
  }
  const isWell = check.state === 'healthy'
  return (
    <>
      Last asked <Time at={check.checkedAt} now={now} />
      {isWell && check.tookMs !== null && `, answered in ${durationWords(check.tookMs)}`}
      {!isWell && check.changedAt !== null && (
        <>
          , not well since <Time at={check.changedAt} now={now} />
        </>
      )}
      {check.reason && `: ${check.reason}`}
    </>
  )
}
