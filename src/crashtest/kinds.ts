import { desc, eq } from 'drizzle-orm'
import { runs } from '../db/schema'
import type { TenantStatus } from '../tenants/status'
import { BECOMES_LIVE, baseOf } from './bases'
import { findTenant } from './customer'
import type { Land, Snapshot } from './land'
import { type Ending, type PlayOptions, play } from './play'
import type { Shop } from './shop'
import type { Act, Customer, Story } from './story'

/** One kind of thing that Atlas does, and how a customer comes to where it can begin. */
export type Kind = {
  name: string
  /** What is done before, in a land where nothing goes wrong. */
  before: string[]
  acts: string[]
  /** What the tenant is in the end, and how the run ended; null where that is open. */
  becomes: TenantStatus | null
  run: 'succeeded' | 'cancelled' | null
}

const PAID = ['sign up', 'pay']
const LIVE = [...BECOMES_LIVE]

/** Everything that is done to a tenant by a run. A new kind is a line here. */
export const RUNS: readonly Kind[] = [
  kind('provision', PAID, 'approve', 'active'),
  undone('undo', [...PAID, 'app breaks', 'approve'], 'deleted'),
  undone('undo-unconfirmed', [...PAID, 'record is not confirmed', 'approve'], 'deleted'),
  kind('suspend', LIVE, 'suspend', 'suspended'),
  kind('resume', [...LIVE, 'suspend'], 'resume', 'active'),
  kind('change-plan', LIVE, 'change plan', 'active'),
  kind('delete', LIVE, 'delete at once', 'deleted'),
  kind('backup', LIVE, 'back up', 'active'),
  kind('restore', [...LIVE, 'back up'], 'restore', 'active'),
  kind('image', LIVE, 'make an image', 'active'),
  kind('restore-image', [...LIVE, 'make an image'], 'restore', 'active'),
  kind('move', LIVE, 'move', 'active'),
  undone('undo-move', [...LIVE, 'app breaks', 'move'], 'active'),
  kind('deploy', LIVE, 'deploy', 'active'),
  kind('deploy-after-backup', LIVE, 'deploy after a backup', 'active'),
  kind('take-back', [...LIVE, 'deploy'], 'take back', 'active'),
  kind('rotate-secrets', LIVE, 'rotate secrets', 'active'),
]

/** What people do before there is anything to run for them. */
const PURCHASES: readonly Kind[] = [
  { name: 'buy', before: [], acts: PAID, becomes: null, run: null },
  { name: 'choose', before: ['sign up'], acts: ['choose another plan'], becomes: null, run: null },
]

export const KINDS: readonly Kind[] = [...RUNS, ...PURCHASES]

function kind(name: string, before: string[], act: string, becomes: TenantStatus): Kind {
  return { name, before, acts: [act], becomes, run: 'succeeded' }
}

/** A run that has stopped half-way, and is taken back. */
function undone(name: string, before: string[], becomes: TenantStatus): Kind {
  return { ...kind(name, before, 'undo', becomes), run: 'cancelled' }
}

const customer = (acts: string[], change: Partial<Act> = {}): Customer => ({
  name: 'ada',
  plan: 'starter',
  acts: acts.map((kind) => ({ kind, after: 1_000, ...change })),
})

const CALM: Omit<Story, 'customers'> = { seed: 1, deaths: [], weather: 0, outages: [], jumps: [] }

type TrialOptions = PlayOptions & { story?: Partial<Story> }

/** Runs of one kind, each from the same beginning. */
export class Trial {
  private constructor(
    private readonly shop: Shop,
    readonly kind: Kind,
    private readonly from: Snapshot,
  ) {}

  static async of(shop: Shop, kind: Kind): Promise<Trial> {
    return new Trial(shop, kind, await baseOf(shop, 'starter', kind.before))
  }

  /** Does it once, with processes that die at these moments; what is wrong in the end also says how it should be. */
  async run(deaths: Story['deaths'], { story, ...options }: TrialOptions = {}): Promise<Ending> {
    const told = { ...CALM, customers: [customer(this.kind.acts)], ...story, deaths: [...deaths] }
    const { from } = this
    let wrong: string[] = []
    const ending = await play(this.shop, told, { rests: 1, ...options, from }, (land) => {
      wrong = [...this.unexpected(land), ...(deaths.length > 0 || story ? [] : this.refused(land))]
    })
    return { ...ending, wrong: [...wrong, ...ending.wrong] }
  }

  /** What was refused would have nothing that a crash could break. */
  private refused({ trace }: Land): string[] {
    const said = trace.read().filter((line) => line.includes(' somebody: '))
    return said.filter((line) => !line.endsWith(' -> yes')).map((line) => `It was refused: ${line.trim()}`)
  }

  private unexpected({ db }: Land): string[] {
    const tenant = findTenant(db.read, { name: 'ada' })
    const mine = eq(runs.tenantId, tenant?.id ?? '')
    const run = db.read.select().from(runs).where(mine).orderBy(desc(runs.createdAt)).limit(1).get()
    const { becomes, run: ends } = this.kind
    return [
      ...(becomes === null || tenant?.status === becomes
        ? []
        : [`The tenant is ${tenant?.status}, not ${becomes}.`]),
      ...(ends === null || run?.status === ends
        ? []
        : [`The run is ${run?.status} at ${run?.step}: ${run?.reason}`]),
    ]
  }
}
