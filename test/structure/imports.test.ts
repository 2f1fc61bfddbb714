import { describe, expect, test } from 'bun:test'
import { findCycles, type Import, importsOf, readImports } from './graph.ts'
import { rules, violations } from './rules.ts'

const imports = await readImports('src', 'views')

describe('the direction of imports', () => {
  test('is kept by every file', () => {
    expect(imports.length).toBeGreaterThan(100)
    expect(violations(imports)).toEqual([])
  })

  test('no files need each other in a ring', () => {
    expect(findCycles(imports)).toEqual([])
  })
})

describe('an import against the direction is rejected', () => {
  const broken: [rule: string, Import][] = [
    ['imports point down', value('src/routes/signup.ts', 'src/app.ts')],
    ['imports point down', value('src/lifecycle/approve.ts', 'src/routes/signup.ts')],
    ['imports point down', value('src/runs/engine.ts', 'src/provisioning/recipe.ts')],
    ['imports point down', { ...value('src/db/open.ts', 'src/runs/engine.ts'), kind: 'type' }],
    ['imports point down', value('src/errors.ts', 'src/db/open.ts')],
    ['imports point down', value('src/atlas.ts', 'src/main.ts')],
    ['imports point down', value('src/crashtest/shop.ts', 'src/cli/demo.ts')],
    ['the domain’s folders', value('src/releases/lineage.ts', 'src/rollouts/targets.ts')],
    ['the domain’s folders', value('src/backups/recipe.ts', 'src/lifecycle/suspension.ts')],
    ['the domain’s folders', { ...value('src/tenants/tenant.ts', 'src/backups/backup.ts'), kind: 'type' }],
    ['every folder of the domain', value('src/affairs/affair.ts', 'src/runs/run.ts')],
    ['providers are leaves', value('src/providers/stripe.ts', 'src/db/open.ts')],
    ['providers are leaves', value('src/providers/stripe/failure.ts', 'src/signups/signup.ts')],
    ['real clients', value('src/lifecycle/approve.ts', 'src/providers/stripe.ts')],
    ['real clients', value('src/app.ts', 'src/providers/hetzner/api.ts')],
    ['views import types only', value('views/admin/tenants.tsx', 'src/tenants/tenant.ts')],
    ['pages are drawn', value('src/runs/outbox.ts', 'views/emails/welcome.tsx')],
    ['pages are drawn', value('src/simulator/control/page.ts', 'views/layout/document.tsx')],
    ['the simulator imports', value('src/simulator/stripe.ts', 'src/ids.ts')],
    ['the simulator imports', value('src/simulator/stripe.ts', 'src/checkouts/checkout.ts')],
    ['only the demo’s commands', value('src/cli/demo.ts', 'src/simulator/world.ts')],
    ['only the demo’s commands', { ...value('src/cli/serve.ts', 'src/simulator/world.ts'), kind: 'dynamic' }],
    ['the fleet is loaded only', value('src/cli/demo.ts', 'src/cli/demo-fleet.ts')],
    ['the crash simulation is loaded', value('src/cli/rollout.ts', 'src/crashtest/play.ts')],
    ['the crash simulation is loaded', value('src/main.ts', 'src/cli/crashtest.ts')],
    ['what is imported is named', importsOf('src/cli/demo.ts', 'await import(name)')[0]!],
  ]
  for (const [rule, found] of broken)
    test(`${rule}: ${found.from} -> ${found.to} (${found.kind})`, () => {
      expect(violations([found]).filter((said) => said.startsWith(rule))).toHaveLength(1)
    })

  test('every rule has a rejected example above', () => {
    expect(rules.filter(({ name }) => !broken.some(([rule]) => name.startsWith(rule)))).toEqual([])
  })

  test('while imports along the direction are not', () => {
    const allowed: Import[] = [
      value('src/main.ts', 'src/cli/serve.ts'),
      value('src/cli/serve.ts', 'src/atlas.ts'),
      value('src/atlas.ts', 'src/providers/stripe.ts'),
      value('src/routes/signup.ts', 'views/signup/form.tsx'),
      value('src/accounts/login.ts', 'views/emails/login-link.tsx'),
      value('src/lifecycle/approve.ts', 'src/runs/run.ts'),
      value('src/lifecycle/move.ts', 'src/backups/backup.ts'),
      value('src/backups/copy.ts', 'src/provisioning/agent.ts'),
      value('src/simulator/world.ts', 'src/clock.ts'),
      { ...value('src/cli/demo.ts', 'src/simulator/world.ts'), kind: 'dynamic' },
      { ...value('views/admin/tenants.tsx', 'src/tenants/tenant.ts'), kind: 'type' },
    ]
    expect(violations(allowed)).toEqual([])
  })
})

test('a ring of imports is found, also a long one, and a ring of types is none', () => {
  const ring = [value('src/a.ts', 'src/b.ts'), value('src/b.ts', 'src/c.ts'), value('src/c.ts', 'src/a.ts')]
  expect(findCycles(ring)).toEqual(['src/a.ts -> src/b.ts -> src/c.ts -> src/a.ts'])
  expect(findCycles([...ring.slice(0, 2), { ...ring[2]!, kind: 'type' }])).toEqual([])
})

describe('imports are read from the source', () => {
  const kinds = (source: string) => importsOf('src/app.ts', source).map(({ to, kind }) => `${kind} ${to}`)

  test('in every form', () => {
    expect(kinds(`import { a } from './errors'`)).toEqual(['value src/errors.ts'])
    expect(kinds(`import {\n  a,\n  type B,\n} from './errors.ts'`)).toEqual(['value src/errors.ts'])
    expect(kinds(`import * as a from './errors'\nimport './clock'`)).toEqual([
      'value src/errors.ts',
      'value src/clock.ts',
    ])
    expect(kinds(`export { a } from './errors'\nexport * from './clock'`)).toHaveLength(2)
    expect(kinds(`const { a } = await import('./simulator/world')`)).toEqual([
      'dynamic src/simulator/world.ts',
    ])
    expect(kinds(`import page from './page.css' with { type: 'text' }`)).toEqual(['value src/page.css'])
  })

  test('with types told apart', () => {
    expect(kinds(`import type { A } from './errors'`)).toEqual(['type src/errors.ts'])
    expect(kinds(`import { type A, type B } from './errors'`)).toEqual(['type src/errors.ts'])
    expect(kinds(`type World = typeof import('./clock')`)).toEqual(['type src/clock.ts'])
  })

  test('and not from what is commented out', () => {
    expect(kinds(`// import { a } from './errors'\n/** import('./clock') */`)).toEqual([])
  })
})

function value(from: string, to: string): Import {
  return { from, to, kind: 'value' }
}
