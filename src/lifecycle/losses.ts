import type { Reader } from '../db/open'
import { factsOf, type RunRow } from '../runs/run'
import { stepsOf } from '../runs/steps'
import { dnsRecordOf, type ServerRow, serverOf, serverOfRun } from '../tenants/tenant'

/** What is gone for good once a run is taken back, one thing a line; empty when nothing is. */
export function lossesOfUndo(db: Reader, run: RunRow): string[] {
  const begun = new Set(
    stepsOf(db, run.id).flatMap(({ name, status }) => (status === 'pending' ? [] : [name])),
  )
  switch (run.kind) {
    case 'provision':
      return everything(db, run.tenantId)
    case 'restore':
      return begun.has('put-back')
        ? ['What was put back, with all that was written since: the copy from before takes its place']
        : []
    case 'move':
      return newServer(db, run)
    case 'rotate-secrets':
      return ['The new secrets: the app gets its former ones again']
    default:
      return []
  }
}

/** What a provisioning has made so far. */
function everything(db: Reader, tenantId: string): string[] {
  const server = serverOf(db, tenantId)
  const record = dnsRecordOf(db, tenantId)
  return [
    server.externalId ? `The server ${titleOf(server)} and everything on it` : 'Any server that was begun',
    ...(record && !record.deletedAt ? [`The DNS record ${record.name}`] : []),
    'The secrets that were made for this tenant',
  ]
}

function newServer(db: Reader, run: RunRow): string[] {
  const server = serverOfRun(db, factsOf(run))
  if (!server.externalId) return ['Any new server that was begun']
  return [`The new server ${titleOf(server)}, with all that visitors wrote there`]
}

function titleOf({ name, ipv4 }: ServerRow): string {
  return ipv4 ? `${name} (${ipv4})` : name
}
