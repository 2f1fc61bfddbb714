import { describe, expect, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { parse, stringify } from 'yaml'
import { type BlueprintSource, planId } from '../../src/catalog/blueprint'
import { builtinBlueprints } from '../../src/catalog/builtin'
import { readSource } from '../../src/catalog/catalog'
import { parseBlueprint, readSound } from '../../src/catalog/parse'
import { checkCompose } from '../contract/compose'

const virtues = builtinBlueprints[0]!

type Written = Record<string, unknown> & {
  shop: Record<string, unknown>
  plans: Record<string, unknown>[]
  settings: Record<string, unknown>[]
  server: Record<string, unknown>
}

/** The blueprint `virtues` with something changed. */
function changed(change: (written: Written) => void): BlueprintSource {
  const written = parse(virtues.blueprint) as Written
  change(written)
  return { ...virtues, blueprint: stringify(written) }
}

const problemsOf = (source: BlueprintSource) => parseBlueprint(source).problems as string[]

test('every blueprint of cloud-init/ is in the binary, as it is there', () => {
  const root = join(import.meta.dir, '../../cloud-init')
  const folders = readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isDirectory())
  const sources = folders.map(({ name }) => readSource(join(root, name)).source)
  expect(sources.length).toBeGreaterThan(0)
  expect(builtinBlueprints).toEqual(expect.arrayContaining(sources))
  expect(builtinBlueprints).toHaveLength(sources.length)
})

test.each(builtinBlueprints)(
  'the blueprint $name in the binary is sound, and is read alike unchecked',
  (source) => {
    expect(parseBlueprint(source)).toEqual({ blueprint: readSound(source), problems: [] })
  },
)

describe('the blueprint virtues', () => {
  const { blueprint } = parseBlueprint(virtues)

  test('has the plans that are sold', () => {
    const plans = blueprint?.plans.map(({ name, price, server, limits, priceVariable, approval }) => ({
      name,
      amount: price.amount,
      currency: price.currency,
      limits,
      priceVariable,
      approval,
      server: { vcpu: server.vcpu, cpu: server.cpu, memoryGb: server.memoryGb, diskGb: server.diskGb },
    }))
    expect(plans).toEqual([
      {
        name: 'Starter',
        amount: 2900,
        currency: 'usd',
        priceVariable: 'STRIPE_PRICE_STARTER',
        approval: 'manual',
        limits: { tokens_per_month: 4_000_000 },
        server: { vcpu: 3, cpu: 'shared', memoryGb: 4, diskGb: 80 },
      },
      {
        name: 'Pro',
        amount: 7900,
        currency: 'usd',
        priceVariable: 'STRIPE_PRICE_PRO',
        approval: 'manual',
        limits: { tokens_per_month: 15_000_000 },
        server: { vcpu: 2, cpu: 'dedicated', memoryGb: 8, diskGb: 80 },
      },
    ])
    expect(planId(blueprint!, blueprint!.plans[0]!)).toBe('virtues/starter')
  })

  test('has a compose file that the compose specification accepts, and a broken one is refused', () => {
    expect(checkCompose(virtues.compose)).toEqual([])
    expect(checkCompose(virtues.compose.replace('restart:', 'restrat:'))).not.toEqual([])
  })

  test('publishes the app on loopback only', () => {
    const { services } = parse(virtues.compose) as { services: Record<string, { ports?: string[] }> }
    const ports = Object.values(services).flatMap((service) => service.ports ?? [])
    expect(ports).toEqual(['127.0.0.1:8080:8080'])
  })
})

test('the example in the documentation is a sound blueprint', () => {
  const page = readFileSync(join(import.meta.dir, '../../docs/blueprints.md'), 'utf8')
  const blueprint = page.match(/```yaml\n([\s\S]*?)```/)![1]!
  const compose = `{ services: { app: { image: "notes:\${RELEASE}" }, db: {} }, volumes: { files: {} } }`
  expect(problemsOf({ name: 'notes', blueprint, userData: virtues.userData, compose })).toEqual([])
})

describe('a blueprint with mistakes', () => {
  test('has every mistake named at once, each with its line and path', () => {
    const problems = problemsOf(
      changed((written) => {
        delete written.release
        written.shop.accent = 'red'
        written.shop.colour = '#ffffff'
        written.plans[0]!.approval = 'later'
        written.plans[1]!.server = { vcpu: 0, cpu: 'both', memory_gb: 1.5, disk_gb: 80 }
        written.settings[0] = { name: 'lower', generate: { kind: 'rot13', length: 4 } }
      }),
    )
    expect(problems.map((problem) => problem.replace(/^blueprint\.yaml:\d+: /, ''))).toEqual(
      expect.arrayContaining([
        'release is missing',
        'shop.accent must be a colour such as #5b4bd6',
        'shop.colour is not a field of a blueprint',
        'plans.0.approval must be automatic or manual',
        'plans.1.server.vcpu must be a whole number from 1 to 512',
        'plans.1.server.cpu must be shared or dedicated',
        'plans.1.server.memory_gb must be a whole number from 1 to 4096',
        'settings.0.name must be the name of an environment variable, in capitals',
        'settings.0.generate.kind must be password or hex or base64url',
        'settings.0.generate.length must be a whole number from 16 to 256',
      ]),
    )
    expect(problems).toHaveLength(10)
  })

  test('points at the line', () => {
    const blueprint = virtues.blueprint.replace("accent: '#5b4bd6'", 'accent: red')
    const line = blueprint.split('\n').findIndex((text) => text.includes('accent: red')) + 1
    expect(problemsOf({ ...virtues, blueprint })).toEqual([
      `blueprint.yaml:${line}: shop.accent must be a colour such as #5b4bd6`,
    ])
  })

  test('names the line of an error in the YAML of each file', () => {
    const broken = 'a: 1\nb: [1\n'
    const problems = problemsOf({ name: 'virtues', blueprint: broken, userData: broken, compose: broken })
    for (const file of ['blueprint.yaml', 'user-data.yaml', 'compose.yaml']) {
      expect(problems.some((problem) => problem.startsWith(`${file}:`) && /:[23]: /.test(problem))).toBe(true)
    }
  })

  test('may not name a plan, a setting or a YAML key twice', () => {
    const problems = problemsOf(
      changed((written) => {
        written.plans[1]!.key = 'starter'
        written.settings.push({ name: 'PLAN', value: 'x' })
      }),
    )
    expect(problems).toEqual([
      'blueprint.yaml: plans.1.key repeats "starter"',
      `blueprint.yaml: settings.16.name repeats "PLAN"`,
    ])
    expect(problemsOf({ ...virtues, blueprint: `${virtues.blueprint}\nname: twice\n` })[0]).toContain(
      'unique',
    )
  })

  test('may not be of another version, nor in a folder of another name', () => {
    expect(problemsOf(changed((written) => (written.atlas = 2)))[0]).toContain('atlas must be 1')
    expect(problemsOf({ ...virtues, name: 'other' })).toEqual([
      'blueprint.yaml: name is not the folder\'s name, "other"',
    ])
  })
})

describe('a setting', () => {
  const withSetting = (setting: Record<string, unknown>) =>
    problemsOf(changed((written) => written.settings.push(setting))).join('\n')

  test('may refer only to what is known', () => {
    expect(withSetting({ name: 'A', value: '{{tenant.password}}' })).toContain(
      'settings.16.value refers to {{tenant.password}}, which is not known here',
    )
    expect(withSetting({ name: 'A', value: '{{ Tenant }}' })).toContain('has a {{ that begins no variable')
    expect(withSetting({ name: 'A', value: '{{ tenant.id }}' })).toBe('')
  })

  test('may refer only to limits that every plan has', () => {
    const problems = problemsOf(
      changed((written) => {
        written.plans[1]!.limits = {}
      }),
    )
    expect(problems.join()).toContain('refers to {{plan.limits.tokens_per_month}}')
  })

  test('hands out a key of the environment only when the blueprint says that it is shared', () => {
    expect(withSetting({ name: 'A', from: 'SOME_KEY' })).toContain('settings.16.shared must be true')
    expect(withSetting({ name: 'A', from: 'SOME_KEY', shared: false })).toContain('shared must be true')
    expect(withSetting({ name: 'A', from: 'SOME_KEY', shared: true })).toBe('')
  })

  test('never hands out what is Atlas’s own', () => {
    for (const from of [
      'STRIPE_SECRET_KEY',
      'ENCRYPTION_KEY',
      'HETZNER_API_TOKEN',
      'ATLAS_SSH_PRIVATE_KEY',
    ]) {
      expect(withSetting({ name: 'A', from, shared: true })).toContain('one of Atlas’s own')
    }
  })

  test('may not take a name that steers programs on the server', () => {
    for (const name of ['PATH', 'LD_PRELOAD', 'DOCKER_HOST', 'COMPOSE_FILE', 'RELEASE', 'ATLAS_STATE_DIR']) {
      expect(withSetting({ name, value: 'x' })).toContain('is a name that the server needs for itself')
    }
  })
})

describe('copies and secrets', () => {
  const names = { services: { app: {}, database: {} }, volumes: { uploads: {}, database: {} } }
  const blueprintOf = (change: (written: Written) => void) => parseBlueprint(changed(change)).blueprint!

  test('of virtues: by plan, its database and its uploads', () => {
    const { plans, backup, suspension, settings } = blueprintOf(() => undefined)
    expect(plans.map(({ backups }) => backups)).toEqual([
      { everyHours: 24, retentionDays: 7, imagesEveryDays: 0, cloud: false },
      { everyHours: 12, retentionDays: 30, imagesEveryDays: 7, cloud: true },
    ])
    expect(backup?.volumes).toEqual(['uploads'])
    expect(
      backup?.dumps.map(({ name, service, dump, restore }) => [name, service, dump[0], restore[0]]),
    ).toEqual([['database', 'database', 'pg_dump', 'pg_restore']])
    expect(suspension.holdingPage).toBe(true)
    const rotated = settings.flatMap((setting) =>
      'generate' in setting ? [[setting.name, setting.rotate]] : [],
    )
    expect(rotated).toEqual([
      ['SESSION_SECRET', 'restart'],
      [
        'DATABASE_PASSWORD',
        { service: 'database', command: ['sh', '-c', expect.stringContaining('getenv')] },
      ],
      ['OWNER_PASSWORD', null],
    ])
  })

  test('have defaults, so that a blueprint from before them stays sound', () => {
    const old = blueprintOf((written) => {
      delete written.backup
      delete written.suspension
      for (const plan of written.plans) delete plan.backups
      for (const setting of written.settings) delete setting.rotate
    })
    expect(old.plans[0]!.backups).toEqual({
      everyHours: 24,
      retentionDays: 7,
      imagesEveryDays: 0,
      cloud: false,
    })
    expect(old).toMatchObject({ backup: null, suspension: { holdingPage: false } })
    expect(old.settings.some((setting) => 'rotate' in setting && setting.rotate)).toBe(false)
  })

  test('with mistakes have every mistake named', () => {
    const problems = problemsOf(
      changed((written) => {
        written.plans[0]!.backups = { every_hours: 0, retention_days: 8, cloud: 'yes', hourly: true }
        written.backup = {
          dumps: [{ name: 'Db', service: '-v', dump: [], restore: [''] }],
          volumes: ['../etc'],
        }
        written.settings[5]!.rotate = 'always'
      }),
    )
    expect(problems.map((problem) => problem.replace(/^blueprint\.yaml:\d+: /, '')).sort()).toEqual([
      'backup.dumps.0.dump names no program',
      'backup.dumps.0.name must be a name in lower case letters, digits and -, 32 at most',
      'backup.dumps.0.restore.0 is empty or too long',
      'backup.dumps.0.service must be a name as in compose.yaml',
      'backup.volumes.0 must be a name as in compose.yaml',
      'plans.0.backups.cloud must be true or false',
      'plans.0.backups.every_hours must be a whole number from 1 to 168',
      'plans.0.backups.hourly is not a field of a blueprint',
      'plans.0.backups.retention_days must be 7 or 30 or 90',
      'settings.5.rotate must be restart, or a service and a command',
    ])
  })

  test('name services and volumes that compose.yaml has', () => {
    const source = changed((written) => {
      for (const setting of written.settings) if (setting.rotate === 'restart') delete setting.rotate
    })
    const problems = (compose: object) => problemsOf({ ...source, compose: stringify(compose) })
    expect(problems(names)).toEqual([])
    expect(problems({ services: { app: {} } })).toEqual([
      'compose.yaml: services.database is missing, which blueprint.yaml names',
      'compose.yaml: volumes.uploads is missing, which blueprint.yaml names',
    ])
    for (const odd of [
      { external: true },
      { driver: 'nfs' },
      { driver_opts: { type: 'none' } },
      { name: 'u' },
    ]) {
      expect(problems({ ...names, volumes: { uploads: odd } })).toEqual([
        'compose.yaml: volumes.uploads has a driver or name of its own, or is external: it cannot be backed up',
      ])
    }
  })

  test('of nothing are a mistake', () => {
    const empty = changed((written) => {
      written.backup = {}
    })
    expect(problemsOf(empty).map((problem) => problem.replace(/:\d+:/, ':'))).toEqual([
      'blueprint.yaml: backup names neither a dump nor a volume',
    ])
  })

  test('of one name stand once', () => {
    const twice = changed((written) => {
      const backup = written.backup as { dumps: object[] }
      backup.dumps.push(backup.dumps[0]!)
    })
    expect(problemsOf(twice)).toEqual(['blueprint.yaml: backup.dumps.1.name repeats "database"'])
  })
})

describe('the other two files', () => {
  const bare = changed((written) => {
    delete written.backup
    for (const setting of written.settings) delete setting.rotate
  })
  const withCompose = (compose: string) => problemsOf({ ...bare, compose })
  const withUserData = (userData: string) => problemsOf({ ...virtues, userData })

  test('a compose file has a service app, and uses only what settings give', () => {
    expect(withCompose('services: { web: { image: a } }')).toEqual([
      'compose.yaml: services.app is missing: Atlas reports on the service of that name',
    ])
    expect(withCompose(`services: { app: { image: "a:\${RELEASE}-\${OTHER:-x}-$$FREE" } }`)).toEqual([
      'compose.yaml: uses OTHER, which no setting gives',
    ])
  })

  test('user-data holds what Atlas needs, and nothing unknown', () => {
    expect(withUserData('#cloud-config\nruncmd: ["{{nonsense}}"]\n')).toEqual([
      'user-data.yaml: refers to {{nonsense}}, which is not known here',
      'user-data.yaml: lacks {{agent.gzip}}',
      'user-data.yaml: lacks {{atlas_public_key}}',
      'user-data.yaml: lacks {{host_key.private}}',
      'user-data.yaml: lacks {{host_key.public}}',
    ])
    expect(withUserData(`# comment\n${virtues.userData}`)).toEqual([
      'user-data.yaml: does not begin with #cloud-config',
    ])
  })

  test('user-data that would not fit on a server is refused', () => {
    const long = `${virtues.userData}\nbootcmd:\n  - echo ${'x'.repeat(25_000)}\n`
    expect(withUserData(long)[0]).toMatch(
      /^user-data\.yaml: becomes \d+ bytes with the agent, more than 32768$/,
    )
  })
})

describe('hostile input', () => {
  test('of more than 64 KB is refused unread', () => {
    const blueprint = `${virtues.blueprint}${'#'.repeat(65_536)}`
    expect(problemsOf({ ...virtues, blueprint })).toEqual([
      expect.stringMatching(/^blueprint\.yaml: has \d+ bytes, more than 65536$/),
    ])
  })

  test('of aliases that unfold without end is refused', () => {
    const layers = Array.from({ length: 12 }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i}, `.repeat(9)}]`)
    const compose = ['a0: &a0 x', ...layers].join('\n')
    expect(problemsOf({ ...virtues, compose })).toEqual(['compose.yaml: its aliases unfold to too much'])
  })

  test('of any text or any value in any place never throws', () => {
    const written = parse(virtues.blueprint) as object
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), fc.jsonValue(), (text, value) => {
        const blueprint = stringify({ ...written, plans: value, shop: value })
        expect(problemsOf({ ...virtues, blueprint })).not.toEqual([])
        problemsOf({ name: 'x', blueprint: text, userData: text, compose: text })
      }),
      { numRuns: 30 },
    )
  }, 30_000)
})
