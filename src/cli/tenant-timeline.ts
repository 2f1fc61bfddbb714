import { printTable, timeText } from './table'
import { findTenant, type TenantCall, type TenantCommand } from './tenant-command'

/** An entry of a tenant's story as the API tells it. */
type ToldEntry = {
  at: number
  kind: string
  title: string
  detail: string | null
  actor: string | null
  ip: string | null
}

type ToldStory = { entries: ToldEntry[]; next: string | null; fullSince: number | null }

/** Why a tenant is as it is. */
export const TIMELINE_COMMANDS: Record<string, TenantCommand> = {
  timeline: {
    words: 'NAME [--kind KIND] [--q TEXT] [--limit N] [--before CURSOR]',
    about: 'tell its story, newest first',
    options: {
      kind: { type: 'string' },
      q: { type: 'string' },
      limit: { type: 'string' },
      before: { type: 'string' },
    },
    run: tell,
  },
}

async function tell({ remote, io, args, options }: TenantCall): Promise<number> {
  const { id } = await findTenant(remote, args[0] ?? '')
  const { kind, q, limit, before } = options
  const asked = Object.entries({ kind, q, limit, before }).filter(([, value]) => value !== undefined)
  const query = new URLSearchParams(asked.map(([name, value]): [string, string] => [name, String(value)]))
  const story = await remote.ask<ToldStory>('GET', `/api/admin/tenant/${id}/timeline?${query}`)
  if (options.json) {
    io.out(JSON.stringify(story))
    return 0
  }
  const rows = story.entries.map((entry) => [timeText(entry.at), entry.kind, entry.title, byWhom(entry)])
  if (rows.length > 0) printTable(io, ['AT', 'KIND', 'WHAT', 'MORE'], rows)
  else io.err('Nothing matches.')
  if (story.next !== null) io.err(`What is older: --before ${story.next}`)
  else if (story.fullSince !== null)
    io.err(
      `Of what was before ${timeText(story.fullSince)} only what people did and what changed the tenant is kept.`,
    )
  return 0
}

function byWhom({ detail, actor, ip }: ToldEntry): string {
  const who = actor && `by ${actor}${ip ? ` from ${ip}` : ''}`
  return [who, detail].filter(Boolean).join('; ')
}
