import { parseArgs } from 'node:util'
import { type AtlasError, invalid } from '../errors'
import { parseStrategy, type WrittenStrategy } from '../rollouts/strategy'

const DEPLOY_USAGE = [
  'Usage: atlas deploy TAG',
  '  --blueprint NAME         which one, when several are sold',
  '  --migration KIND         what it does to the data: none, reversible, expand or contract',
  '  --notes TEXT             what is new',
  '  --backup, --no-backup    whether each tenant is backed up first',
  '  --waves WAVES            up to where each wave goes (1/5%/25%/100%)',
  '  --canary NAME            who is in the first wave; tag:NAME for all with a tag; may be repeated',
  '  --concurrency N          how many tenants at the same time (10)',
  '  --bake MINUTES           how long each wave is watched (10)',
  '  --stop-failures N, --stop-percent P',
  '                           at how many failures it stops and goes back (2, 2 %; whichever is more)',
  '  --no-way-back            yes, even when there is no way back from it',
  '  --dry-run                say who would get it and when, and do nothing: 1 when it would be refused',
  '  --wait                   follow it to its end: 0 when it succeeded, 1 when it did not',
  '  --json                   for programs',
]

const TEXT = { type: 'string' } as const
const FLAG = { type: 'boolean', default: false } as const
const KNOWN = {
  blueprint: TEXT,
  migration: TEXT,
  notes: TEXT,
  backup: FLAG,
  'no-backup': FLAG,
  waves: TEXT,
  canary: { ...TEXT, multiple: true },
  concurrency: TEXT,
  bake: TEXT,
  'stop-failures': TEXT,
  'stop-percent': TEXT,
  'no-way-back': FLAG,
  'dry-run': FLAG,
  wait: FLAG,
  json: FLAG,
} as const

/** What `atlas deploy` was called with. Throws `invalid` with what is wrong, and how it is called. */
export function readDeployArgs(args: string[]) {
  const { values, tag } = typed(args)
  const { blueprint, migration, notes, backup } = values
  if (backup && values['no-backup']) throw calledWrongly('--backup and --no-backup can’t both be meant.')
  const strategy: WrittenStrategy = {
    waves: values.waves,
    canaries: values.canary?.join(','),
    concurrency: values.concurrency,
    bake_minutes: values.bake,
    stop_failures: values['stop-failures'],
    stop_percent: values['stop-percent'],
  }
  parseStrategy(strategy)
  return {
    asked: {
      tag,
      ...{ blueprint, migration, notes, ...strategy },
      ...((backup || values['no-backup']) && { backup }),
      accepts_no_way_back: values['no-way-back'],
    },
    dryRun: values['dry-run'],
    wait: values.wait,
    json: values.json,
  }
}

function typed(args: string[]) {
  try {
    const { values, positionals } = parseArgs({ args, options: KNOWN, allowPositionals: true })
    const [tag, ...more] = positionals
    if (tag && more.length === 0) return { values, tag }
  } catch (thrown) {
    if (!(thrown instanceof TypeError)) throw thrown
    throw calledWrongly(thrown.message)
  }
  throw calledWrongly('Say which tag is meant.')
}

function calledWrongly(why: string): AtlasError {
  return invalid([why, ...DEPLOY_USAGE].join('\n'))
}
