import { parseArgs } from 'node:util'
import { AtlasError } from '../errors'

export type CloudOptions = {
  /** How many times as fast as real clouds. */
  speed: number
  /** The first of four ports in a row; 0 takes any four, undefined the first free ones. */
  port: number | undefined
  data: string
}

/** How far a story is told: to the live site, or to the end of the tenant's life. */
export type StoryLength = 'live' | 'full'

export type DemoOptions = CloudOptions & {
  /** Undefined when none is told. */
  story: StoryLength | undefined
  tenants: number
  fresh: boolean
  json: boolean
}

const TENANTS_MAX = 10_000
const SPEED_MAX = 10_000
const PORT_MAX = 65_532

const CLOUDS = {
  speed: { type: 'string', default: '1' },
  port: { type: 'string' },
  data: { type: 'string', default: './data/demo' },
} as const

const DEMO = {
  ...CLOUDS,
  story: { type: 'string' },
  tenants: { type: 'string', default: '0' },
  fresh: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
} as const

const DEMO_USAGE =
  'Usage: atlas demo [--story [full]] [--tenants N] [--speed N] [--fresh] [--json] [--port P] [--data DIR]'
const SIMULATOR_USAGE = 'Usage: atlas simulator [--speed N] [--port P] [--data DIR]'

/** What was typed after the command makes no sense; the message ends with the usage. */
export class CalledWrongly extends AtlasError {
  constructor(words: string, usage: string) {
    super('invalid', `${words}\n${usage}`)
  }
}

/** Reads the options of `atlas demo`. Throws `CalledWrongly`. */
export function readDemoOptions(args: string[]): DemoOptions {
  return withUsage(DEMO_USAGE, () => {
    const { values } = parseArgs({ args: args.flatMap(withStoryLength), options: DEMO })
    const tenants = Number(values.tenants)
    if (!Number.isInteger(tenants) || tenants < 0 || tenants > TENANTS_MAX) {
      throw new TypeError(`--tenants takes a whole number from 0 to ${TENANTS_MAX}.`)
    }
    return { ...values, story: readStory(values.story), tenants, ...readNumbers(values) }
  })
}

/** `--story` may stand alone, which `parseArgs` does not know of options with a value. */
function withStoryLength(word: string, index: number, args: string[]): string[] {
  if (index > 0 && args[index - 1] === '--story' && !word.startsWith('-')) return []
  if (word !== '--story') return [word]
  const next = args[index + 1]
  return [`--story=${next === undefined || next.startsWith('-') ? 'live' : next}`]
}

function readStory(story: string | undefined): StoryLength | undefined {
  if (story === undefined || story === 'live' || story === 'full') return story
  throw new TypeError('--story stands alone, or before `full` for the whole life of a tenant.')
}

/** Reads the options of `atlas simulator`. Throws `CalledWrongly`. */
export function readCloudOptions(args: string[]): CloudOptions {
  return withUsage(SIMULATOR_USAGE, () => {
    const { values } = parseArgs({ args, options: CLOUDS })
    return { ...values, ...readNumbers(values) }
  })
}

function readNumbers(values: { speed: string; port?: string }): Pick<CloudOptions, 'speed' | 'port'> {
  const speed = Number(values.speed)
  const port = values.port === undefined ? undefined : Number(values.port)
  if (!(speed > 0 && speed <= SPEED_MAX)) {
    throw new TypeError(`--speed takes a number above 0 and up to ${SPEED_MAX}, such as 10.`)
  }
  if (port !== undefined && !(Number.isInteger(port) && port >= 0 && port <= PORT_MAX)) {
    throw new TypeError(`--port takes a port number up to ${PORT_MAX}; the three after it are used too.`)
  }
  return { speed, port }
}

function withUsage<T>(usage: string, read: () => T): T {
  try {
    return read()
  } catch (thrown) {
    if (!(thrown instanceof TypeError)) throw thrown
    throw new CalledWrongly(thrown.message, usage)
  }
}
