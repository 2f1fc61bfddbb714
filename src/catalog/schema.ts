import * as v from 'valibot'
import { VARIABLES } from '../config'

// Names that change how programs on the tenant's server run, or that the agent sets itself.
const TAKEN_NAMES = /^(PATH|HOME|IFS|ENV|SHELL|PWD|RELEASE)$|^(LD|LC|DOCKER|COMPOSE|ATLAS)_/
const SUBDOMAIN = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/

const text = (charactersMax: number) =>
  v.pipe(
    v.string('must be text'),
    v.nonEmpty('is empty'),
    v.maxLength(charactersMax, `is longer than ${charactersMax} characters`),
  )
const matching = (pattern: RegExp, words: string) =>
  v.pipe(v.string('must be text'), v.regex(pattern, `must be ${words}`))
const whole = (min: number, max: number) => {
  const words = `must be a whole number from ${min} to ${max}`
  return v.pipe(v.number(words), v.integer(words), v.minValue(min, words), v.maxValue(max, words))
}
const oneOf = <const Options extends readonly (string | number | boolean)[]>(options: Options) =>
  v.picklist(options as Options & readonly string[], `must be ${options.join(' or ')}`)
const list = <Item extends v.GenericSchema>(item: Item, itemsMax: number) =>
  v.pipe(v.array(item, 'must be a list'), v.maxLength(itemsMax, `has more than ${itemsMax} entries`))

const slug = matching(/^[a-z][a-z0-9-]{0,31}$/, 'a name in lower case letters, digits and -, 32 at most')
const word = matching(/^[a-z0-9][a-z0-9.-]{0,63}$/, 'a name in lower case letters, digits, . and -')
const variable = matching(/^[A-Z][A-Z0-9_]{0,63}$/, 'the name of an environment variable, in capitals')
const features = list(text(120), 20)
const flag = v.boolean('must be true or false')
// What docker compose takes as the name of a service or volume, and nothing that a program could read as an option.
const composeName = matching(/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,63}$/, 'a name as in compose.yaml')
const argv = v.pipe(
  list(v.pipe(v.string('must be text'), v.regex(/^[^\0]{1,4096}$/, 'is empty or too long')), 64),
  v.minLength(1, 'names no program'),
)

const settingName = v.pipe(
  variable,
  v.check((name) => !TAKEN_NAMES.test(name), 'is a name that the server needs for itself'),
)
const sharedVariable = v.pipe(
  variable,
  v.check((name) => !Object.hasOwn(VARIABLES, name), 'is one of Atlas’s own, which no tenant may see'),
)

const imageTag = matching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/, 'an image tag, such as v42')
const path = matching(/^\/[A-Za-z0-9._~/-]{0,200}$/, 'a path such as /health')
const inService = v.strictObject({ service: composeName, command: argv })

const plan = v.strictObject({
  key: slug,
  name: text(60),
  summary: text(200),
  price: v.strictObject({
    amount: whole(0, 100_000_000),
    currency: matching(/^[a-z]{3}$/, 'a currency of three lower case letters, such as usd'),
    interval: oneOf(['month', 'year']),
  }),
  price_variable: variable,
  approval: oneOf(['automatic', 'manual']),
  server: v.strictObject({
    vcpu: whole(1, 512),
    cpu: oneOf(['shared', 'dedicated']),
    memory_gb: whole(1, 4096),
    disk_gb: whole(1, 100_000),
    prefer: v.optional(list(word, 10)),
  }),
  limits: v.record(
    matching(/^[a-z][a-z0-9_]{0,63}$/, 'a limit’s name in lower case letters, digits and _'),
    whole(0, Number.MAX_SAFE_INTEGER),
    'must name limits and their numbers',
  ),
  features,
  backups: v.optional(
    v.strictObject({
      every_hours: v.optional(whole(1, 168), 24),
      retention_days: v.optional(v.picklist([7, 30, 90], 'must be 7 or 30 or 90'), 7),
      images_every_days: v.optional(whole(0, 30), 0),
      cloud: v.optional(flag, false),
    }),
    {},
  ),
})

const github = v.pipe(
  v.strictObject({
    repository: matching(/^[A-Za-z0-9-]{1,39}\/[A-Za-z0-9._-]{1,100}$/, 'a repository such as owner/app'),
    branch: v.optional(matching(/^[A-Za-z0-9][A-Za-z0-9._/-]{0,200}$/, 'the name of a branch')),
    tags: v.optional(flag, false),
  }),
  v.check(({ branch, tags }) => tags || branch !== undefined, 'needs a branch, or tags: true'),
)

const deploy = v.strictObject({
  migrate: v.optional(inService),
  smoke: v.optional(
    v.strictObject({
      path,
      expect_status: v.optional(whole(200, 599), 200),
      contains: v.optional(text(200)),
    }),
  ),
  healthy_answers: v.optional(whole(1, 10), 3),
  timeout_minutes: v.optional(whole(1, 60), 10),
  github: v.optional(github),
})

const contents = v.strictObject({
  dumps: v.optional(
    list(v.strictObject({ name: slug, service: composeName, dump: argv, restore: argv }), 10),
    [],
  ),
  volumes: v.optional(list(composeName, 20), []),
})
const backup = v.pipe(
  contents,
  v.check(({ dumps, volumes }) => dumps.length + volumes.length > 0, 'names neither a dump nor a volume'),
)

const fixedSetting = v.strictObject({
  name: settingName,
  value: v.pipe(v.string('must be text'), v.maxLength(4096, 'is longer than 4096 characters')),
})
const generatedSetting = v.strictObject({
  name: settingName,
  generate: v.strictObject({ kind: oneOf(['password', 'hex', 'base64url']), length: whole(16, 256) }),
  rotate: v.optional(
    v.union([v.literal('restart'), inService], 'must be restart, or a service and a command'),
  ),
})
const sharedSetting = v.strictObject({
  name: settingName,
  from: sharedVariable,
  shared: v.pipe(
    v.optional(flag, false),
    v.literal(true, 'must be true, or every tenant would be handed this value without anyone saying so'),
  ),
  required: v.optional(flag),
})
type WrittenSetting = v.InferOutput<typeof fixedSetting | typeof generatedSetting | typeof sharedSetting>

// A union would answer with all three forms' problems at once; the field that is there says which is meant.
const setting: v.GenericSchema<unknown, WrittenSetting> = v.lazy((input) => {
  const fields = input && typeof input === 'object' ? input : {}
  if ('generate' in fields) return generatedSetting
  return 'from' in fields ? sharedSetting : fixedSetting
})

export const blueprintSchema = v.strictObject({
  atlas: v.literal(1, 'must be 1, the version of this format'),
  name: slug,
  sold: v.optional(flag),
  shop: v.strictObject({
    name: text(60),
    tagline: text(120),
    description: text(600),
    accent: matching(/^#[0-9a-f]{6}$/i, 'a colour such as #5b4bd6'),
    support_email: v.optional(matching(/^[^\s@<>,"]+@[^\s@<>,"]+$/, 'an email address')),
    features: v.optional(features),
  }),
  release: imageTag,
  server: v.strictObject({ image: word, location: word, locations: v.optional(list(word, 20)) }),
  health: v.strictObject({
    path,
    expect_status: whole(200, 599),
    timeout_minutes: whole(1, 120),
  }),
  suspension: v.optional(v.strictObject({ holding_page: v.optional(flag, false) }), {}),
  deploy: v.optional(deploy, {}),
  backup: v.optional(backup),
  plans: v.pipe(list(plan, 20), v.minLength(1, 'has no entry')),
  settings: list(setting, 200),
  reserved_subdomains: v.optional(list(matching(SUBDOMAIN, 'a subdomain in lower case'), 1000)),
})

/** releases.yaml: what is known of releases before anybody asks for one. */
export const releasesSchema = list(
  v.strictObject({
    tag: imageTag,
    notes: v.optional(
      v.pipe(v.string('must be text'), v.maxLength(2000, 'is longer than 2000 characters')),
      '',
    ),
    migration: oneOf(['none', 'reversible', 'expand', 'contract']),
    backup: v.optional(flag),
  }),
  1000,
)

/** A blueprint as it is written in blueprint.yaml. */
export type WrittenBlueprint = v.InferOutput<typeof blueprintSchema>

/** The list as it is written in releases.yaml. */
export type WrittenReleases = v.InferOutput<typeof releasesSchema>

/** What is wrong, in words that follow the field's path. */
export function wordsOf(issue: v.BaseIssue<unknown>): string {
  if (issue.kind === 'schema' && issue.expected === 'never') return 'is not a field of a blueprint'
  if (issue.received === 'undefined') return 'is missing'
  if (issue.expected === 'Object') return 'must hold fields of its own'
  return issue.message
}
