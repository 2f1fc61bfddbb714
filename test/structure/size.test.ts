import { describe, expect, test } from 'bun:test'
import { join } from 'node:path'

type Source = { path: string; text: string }
type Rule = { name: string; applies: RegExp; broken: (source: Source) => boolean; example: Source }

const repository = join(import.meta.dir, '../..')
const linesMax = 300
const everywhere = /^(src|views|scripts|test)\//

const rules: Rule[] = [
  {
    name: `no file has more than ${linesMax} lines`,
    // The schema is one file on purpose: every table at one glance.
    applies: /^(src\/(?!db\/schema\.ts)|views\/)/,
    broken: ({ text }) => text.trimEnd().split('\n').length > linesMax,
    example: { path: 'src/long.ts', text: '//\n'.repeat(linesMax + 1) },
  },
  {
    name: 'no file is named for what it is not',
    applies: everywhere,
    broken: ({ path }) => /(^|[/-])(utils?|helpers?|misc|common|index)(\.|\/|-)/.test(path),
    example: { path: 'src/signups/signup-helpers.ts', text: '' },
  },
  {
    name: 'no file only passes others on',
    applies: /^(src|views)\//,
    broken: ({ text }) => /^(\s*export (type )?(\*|\{[^}]*\}) from '[^']+'\s*)+$/.test(text),
    example: { path: 'src/signups.ts', text: "export * from './signups/signup'\nexport { a } from './b'\n" },
  },
  {
    name: 'nothing is any',
    applies: everywhere,
    broken: ({ text }) => /\bas any\b|: any\b|<any[>,]|\bany\[\]/.test(withoutComments(text)),
    example: { path: 'src/a.ts', text: 'const row = value as any\n' },
  },
  {
    name: 'no check is silenced',
    applies: everywhere,
    broken: ({ text }) => /@ts-(ignore|nocheck)|biome-ignore|eslint-disable/.test(text),
    example: { path: 'src/a.ts', text: '// @ts-ignore\n' },
  },
  {
    name: 'no test is skipped, postponed or run alone; one that needs a program says so with testWith',
    applies: /^test\/(?!needs\.ts)/,
    broken: ({ text }) => /\b(test|it|describe)\.(skip|only|todo|failing|if|skipIf|todoIf)\b/.test(text),
    example: { path: 'test/a.test.ts', text: "test.skip('later', () => {})\n" },
  },
  {
    name: 'time comes from the clock, and chance from what is passed in',
    applies: /^src\/(?!clock\.ts)/,
    broken: ({ text }) => /\bDate\.now\(|\bnew Date\(\)|\bMath\.random\(/.test(withoutComments(text)),
    example: { path: 'src/a.ts', text: 'const now = Date.now()\n' },
  },
]

// This folder is left out: its examples break the rules on purpose.
const paths = ['src', 'views', 'scripts', 'test']
  .flatMap((folder) => [...new Bun.Glob(`${folder}/**/*.{ts,tsx}`).scanSync({ cwd: repository })])
  .filter((path) => !path.startsWith('test/structure/'))
const sources = await Promise.all(
  paths.map(async (path): Promise<Source> => ({ path, text: await Bun.file(join(repository, path)).text() })),
)

describe('small and plain', () => {
  for (const { name, applies, broken, example } of rules)
    test(name, () => {
      const judged = sources.filter(({ path }) => applies.test(path))
      expect(judged.length).toBeGreaterThan(0)
      expect(judged.filter(broken).map(({ path }) => path)).toEqual([])
      expect(applies.test(example.path) && broken(example)).toBe(true)
    })
})

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|(^|\s)\/\/.*$/gm, '')
}
