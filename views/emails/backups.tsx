import { composeEmail, type Email } from './email'

export type BackupsNews = {
  /** How many tenants it is about, and some of them. */
  count: number
  examples: {
    name: string
    /** When its newest backup was begun, in UTC milliseconds; null when it has none. */
    latestAt: number | null
    /** Why there is no newer one. */
    reason: string
  }[]
  /** The dashboard, and its colour, `#rgb` or `#rrggbb`. */
  url: string
  accent: string
}

/** To the operator: tenants have had no backup for twice as long as their plan says; one mail for all of them. */
export function backupsOverdue({ count, examples, url, accent }: BackupsNews): Email {
  const facts = examples.map(({ name, latestAt, reason }) => ({
    name,
    value: `${newest(latestAt)} ${reason}`,
  }))
  return composeEmail({
    ...frame(`${who(count, examples)} no fresh backup`, accent),
    blocks: [
      {
        kind: 'paragraph',
        text: `For twice as long as ${count === 1 ? 'its plan says' : 'their plans say'} no backup of the app was made. If a server were lost now, everything since would be.`,
      },
      { kind: 'facts', facts },
      { kind: 'link', label: 'Open the overview', url },
      { kind: 'note', text: 'You get one mail more, when there is a fresh one again.' },
    ],
  })
}

/** To the operator: they have one again. */
export function backupsAgain({ count, examples, url, accent }: BackupsNews): Email {
  const facts = examples.map(({ name, latestAt }) => ({ name, value: newest(latestAt) }))
  return composeEmail({
    ...frame(`${who(count, examples)} a fresh backup again`, accent),
    blocks: [
      { kind: 'paragraph', text: 'Whatever kept them from being made is over.' },
      { kind: 'facts', facts },
      { kind: 'link', label: 'Open the overview', url },
    ],
  })
}

function who(count: number, [first]: BackupsNews['examples']): string {
  return count === 1 ? `${first?.name} has` : `${count} tenants have`
}

function newest(atMs: number | null): string {
  if (atMs === null) return 'It has none.'
  return `The newest is of ${new Date(atMs).toISOString().slice(0, 16).replace('T', ' ')} UTC.`
}

const frame = (title: string, accent: string) => ({
  subject: `Atlas: ${title}`,
  title,
  from: 'Atlas',
  accent,
})
