import { describe, expect, test } from 'bun:test'
import { parse, stringify } from 'yaml'
import type { BlueprintSource } from '../../src/catalog/blueprint'
import { builtinBlueprints } from '../../src/catalog/builtin'
import { parseBlueprint, readSound } from '../../src/catalog/parse'

const virtues = builtinBlueprints[0]!

function withDeploy(deploy: unknown): BlueprintSource {
  const written = parse(virtues.blueprint) as Record<string, unknown>
  return { ...virtues, blueprint: stringify({ ...written, deploy }) }
}

const deployOf = (deploy: unknown) => parseBlueprint(withDeploy(deploy)).blueprint?.deploy
const problemsOf = (source: BlueprintSource) =>
  (parseBlueprint(source).problems as string[]).map((problem) => problem.replace(/^([a-z]+\.yaml):\d+/, '$1'))

describe('how a release is deployed', () => {
  test('has defaults, so that a blueprint from before it stays sound', () => {
    const defaults = { migrate: null, smoke: null, healthyAnswers: 3, timeoutMinutes: 10, github: null }
    expect(deployOf(undefined)).toEqual(defaults)
    expect(deployOf({})).toEqual(defaults)
    expect(deployOf({ smoke: { path: '/' } })).toMatchObject({
      smoke: { path: '/', expectStatus: 200, contains: null },
    })
  })

  test('is what the blueprint says', () => {
    expect(
      deployOf({
        migrate: { service: 'app', command: ['/app/migrate', '--now'] },
        smoke: { path: '/about', expect_status: 204, contains: '<b>' },
        healthy_answers: 5,
        timeout_minutes: 20,
        github: { repository: 'acme/app', branch: 'main' },
      }),
    ).toEqual({
      migrate: { service: 'app', command: ['/app/migrate', '--now'] },
      smoke: { path: '/about', expectStatus: 204, contains: '<b>' },
      healthyAnswers: 5,
      timeoutMinutes: 20,
      github: { repository: 'acme/app', branch: 'main', tags: false },
    })
  })

  test('has every mistake named', () => {
    const source = withDeploy({
      migrate: { service: 'app', command: 'rails db:migrate' },
      smoke: { path: 'about', contains: '' },
      healthy_answers: 0,
      timeout_minutes: 61,
      github: { repository: 'acme' },
      canary: true,
    })
    expect(problemsOf(source).sort()).toEqual([
      'blueprint.yaml: deploy.canary is not a field of a blueprint',
      'blueprint.yaml: deploy.github needs a branch, or tags: true',
      'blueprint.yaml: deploy.github.repository must be a repository such as owner/app',
      'blueprint.yaml: deploy.healthy_answers must be a whole number from 1 to 10',
      'blueprint.yaml: deploy.migrate.command must be a list',
      'blueprint.yaml: deploy.smoke.contains is empty',
      'blueprint.yaml: deploy.smoke.path must be a path such as /health',
      'blueprint.yaml: deploy.timeout_minutes must be a whole number from 1 to 60',
    ])
    expect(problemsOf(withDeploy({ github: { repository: 'acme/app' } }))).toEqual([
      'blueprint.yaml: deploy.github needs a branch, or tags: true',
    ])
    expect(problemsOf(withDeploy({ migrate: { service: 'worker', command: ['x'] } }))).toEqual([
      'compose.yaml: services.worker is missing, which blueprint.yaml names',
    ])
  })

  test('needs images that are the same for all tenants', () => {
    const compose = virtues.compose.replace('GHCR_REPO:?}:', 'TENANT_ID:?}:')
    expect(problemsOf({ ...virtues, compose })).toEqual([
      'compose.yaml: the image of a release uses TENANT_ID, which is not the same for all tenants',
    ])
  })
})

describe('releases.yaml', () => {
  const withReleases = (releases: unknown) => ({ ...virtues, releases: stringify(releases) })

  test('need not be there', () => {
    const { releases: _, ...source } = virtues
    expect(parseBlueprint(source).blueprint?.releases).toEqual([])
    expect(readSound(source).releases).toEqual([])
  })

  test('says what a release does to the data; one without a way back is copied before', () => {
    const source = withReleases([
      { tag: 'v44', notes: 'No way back.', migration: 'contract' },
      { tag: 'v43', migration: 'expand', backup: true },
      { tag: 'v42', migration: 'none' },
      { tag: 'v41', migration: 'contract', backup: false },
    ])
    expect(parseBlueprint(source).blueprint?.releases).toEqual([
      { tag: 'v44', notes: 'No way back.', migration: 'contract', backup: true },
      { tag: 'v43', notes: '', migration: 'expand', backup: true },
      { tag: 'v42', notes: '', migration: 'none', backup: false },
      { tag: 'v41', notes: '', migration: 'contract', backup: false },
    ])
  })

  test('has every mistake named, with its line', () => {
    const releases =
      '- tag: v42\n  migration: none\n- tag: "-x"\n  migration: big\n  force: true\n- notes: a\n'
    expect(parseBlueprint({ ...virtues, releases }).problems as string[]).toEqual([
      'releases.yaml:3: 1.tag must be an image tag, such as v42',
      'releases.yaml:4: 1.migration must be none or reversible or expand or contract',
      'releases.yaml:5: 1.force is not a field of a blueprint',
      'releases.yaml:6: 2.tag is missing',
      'releases.yaml:6: 2.migration is missing',
    ])
    expect(
      problemsOf(
        withReleases([
          { tag: 'v1', migration: 'none' },
          { tag: 'v1', migration: 'none' },
        ]),
      ),
    ).toEqual(['releases.yaml: 1.tag repeats "v1"'])
    expect(problemsOf({ ...virtues, releases: 'v42: {}' })).toEqual([
      'releases.yaml: the file must be a list',
    ])
    expect(problemsOf({ ...virtues, releases: `# ${'x'.repeat(70_000)}` })[0]).toContain(
      'releases.yaml: has ',
    )
  })
})
