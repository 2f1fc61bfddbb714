/** What a person does, one thing after the other. */
export type Act = {
  kind: string
  /** How long after the act before, in milliseconds. */
  after: number
  /** Does not wait until Atlas has finished what it is doing to the tenant. */
  atOnce?: true
  /** Two people press at the same moment. */
  twice?: true
}

export type Customer = {
  name: string
  plan: 'starter' | 'pro'
  acts: Act[]
  /** Has been a customer for a while: the story begins with a live tenant of theirs. Only the first can. */
  isLive?: true
}

/** One call of the outside world that goes wrong: the n-th of its kind. */
export type Strike = { call: string; nth: number; how: string }

/** A provider that nobody reaches for a while. */
export type Outage = { provider: string; at: number; ms: number }

/** The clock goes forward by itself, as when a machine has slept. */
export type Jump = { at: number; ms: number }

/** Everything that makes a life of the system what it is: the same story comes to the same end. */
export type Story = {
  seed: number
  customers: Customer[]
  /** At which moment each process dies, by number or by name; the one after them lives on. */
  deaths: (number | string)[]
  /** The share of calls that go wrong, drawn from the seed; or exactly which. */
  weather: number | Strike[]
  outages: Outage[]
  jumps: Jump[]
  /** Atlas goes on for a while in the end only if something is wrong by then, which it must notice by itself. */
  endsAtOnce?: true
}
