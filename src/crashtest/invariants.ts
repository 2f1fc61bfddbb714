import { lostPayments, strayCheckouts } from './checkouts'
import { lostBackups, lostCopies, lostNotes } from './data'
import { type End, sawOf } from './end'
import { strangeHostKeys, strangeSecrets } from './keys'
import { strangeWelcomes, strayMails } from './mails'
import { orphans } from './orphans'
import { endlessRuns, keptMoves, openEffects, repeatedCommands } from './runs'
import { doubleSubscriptions, strangeApps, strangeRecords, strangeServers, wrongPrices } from './tenants'

export type Invariant = {
  /** What always holds, in plain words. */
  always: string
  /** Whatever is otherwise, a sentence each. */
  broken(end: End): string[]
}

/** What must be true of every story, whatever failed in it and wherever Atlas died. */
export const INVARIANTS: readonly Invariant[] = [
  {
    always: 'A live tenant has exactly one server, the one that Atlas knows as its own.',
    broken: strangeServers,
  },
  {
    always: 'A live tenant has exactly one A record, which points to its server.',
    broken: strangeRecords,
  },
  {
    always: 'No tenant has two subscriptions.',
    broken: doubleSubscriptions,
  },
  {
    always: 'A tenant pays the price of the plan that it has.',
    broken: wrongPrices,
  },
  {
    always: 'Whoever has paid is known to have paid, and so is their payment.',
    broken: lostPayments,
  },
  {
    always:
      'A checkout that can still be paid is that of a signup which waits for it, at the price of its plan.',
    broken: strayCheckouts,
  },
  {
    always: 'The app of an active tenant runs, that of a suspended one stands still.',
    broken: strangeApps,
  },
  {
    always: 'Every tenant that went live was welcomed with exactly one accepted mail; nobody else was.',
    broken: strangeWelcomes,
  },
  {
    always: 'No mail is sent twice, and none is left over.',
    broken: strayMails,
  },
  {
    always:
      'Nothing in the clouds is nobody’s: no server, address, image, volume, record, subscription, backup.',
    broken: orphans,
  },
  {
    always:
      'A name never points to an address that is not ours, and caches have forgotten it before it is given back.',
    broken: (end) => sawOf(end, 'dangling'),
  },
  {
    always:
      'Atlas knows the host key of every live tenant’s server, and has forgotten the one it began with.',
    broken: strangeHostKeys,
  },
  {
    always: 'The secrets of a live tenant are those that its server has, and none is half changed.',
    broken: strangeSecrets,
  },
  {
    always: 'A move that was taken back leaves the tenant on the server that it had.',
    broken: keptMoves,
  },
  {
    always: 'All servers share one firewall.',
    broken: ({ holds }) => holds.firewalls.slice(1).map(({ name }) => `there is also the firewall ${name}`),
  },
  {
    always: 'Nobody pays for nothing and nothing runs unpaid for more than an hour.',
    broken: (end) => sawOf(end, 'payer'),
  },
  {
    always:
      'What a customer wrote is still there; where a person had a backup put in its place, exactly what that held.',
    broken: lostNotes,
  },
  {
    always: 'Every backup that is kept is there until its time is over.',
    broken: lostBackups,
  },
  {
    always:
      'The last copy of a deleted tenant holds all that was theirs, and is there until its time is over.',
    broken: lostCopies,
  },
  {
    always: 'Every run comes to an end within 24 hours, the cool-off of a deletion not counted.',
    broken: endlessRuns,
  },
  {
    always: 'Every effect in the ledger has an outcome.',
    broken: openEffects,
  },
  {
    always: 'No command ran twice on a machine.',
    broken: repeatedCommands,
  },
  {
    always: 'What Atlas said yes to is still there.',
    broken: (end) => sawOf(end, 'forgotten'),
  },
  {
    always: 'Of two people who press at once, one wins and the other is told that it conflicts.',
    broken: (end) => sawOf(end, 'both'),
  },
  {
    always: 'Nothing happens in Atlas that it did not foresee.',
    broken: (end) => [
      ...end.complaints.filter(isUnforeseen).map((line) => `Atlas logged: ${line.slice(0, 900)}`),
      ...sawOf(end, 'unforeseen'),
    ],
  },
]

/** Everything that is wrong at the end of a story. */
export function violations(end: End): string[] {
  return INVARIANTS.flatMap(({ always, broken }) => broken(end).map((what) => `${always} But: ${what}`))
}

/** Errors that tell of a mistake in Atlas, not of the weather. */
function isUnforeseen(line: string): boolean {
  return (
    /"code":"internal"|"stack"/.test(line) && !/"code":"(unavailable|conflict|invalid|not_found)"/.test(line)
  )
}
