/** What a remedy may do: `deletes` needs two sightings and a person; `atOnce` only learns, so it waits for nobody. */
type Traits = { deletes: boolean; atOnce?: boolean; button: string }

/** Everything that Atlas can do about a finding. */
export const REMEDIES = {
  restore_record: { deletes: false, button: 'Point the name back' },
  delete_record: { deletes: true, button: 'Remove the record' },
  adopt_server: { deletes: false, atOnce: true, button: 'Take it up again' },
  adopt_backup: { deletes: false, atOnce: true, button: 'Take it up again' },
  note_server: { deletes: false, button: 'Note what is there' },
  power_on: { deletes: false, button: 'Switch it on' },
  delete_server: { deletes: true, button: 'Delete the server' },
  backups_on: { deletes: false, button: 'Turn backups on' },
  backups_off: { deletes: true, button: 'Turn backups off' },
  release_address: { deletes: true, button: 'Give the address back' },
  delete_image: { deletes: true, button: 'Delete the image' },
  delete_volume: { deletes: true, button: 'Delete the volume' },
  delete_backup: { deletes: true, button: 'Delete the backup' },
  cancel_subscription: { deletes: true, button: 'Cancel the subscription' },
  sync_money: { deletes: false, atOnce: true, button: 'Ask Stripe again' },
  sync_checkout: { deletes: false, atOnce: true, button: 'Ask Stripe again' },
} satisfies Record<string, Traits>

export type RemedyName = keyof typeof REMEDIES

/** The traits of a remedy that a row names; null for none, also for one that another version knew. */
export function remedyOf(name: string | null): (Traits & { name: RemedyName }) | null {
  if (name === null || !Object.hasOwn(REMEDIES, name)) return null
  return { ...REMEDIES[name as RemedyName], name: name as RemedyName }
}
