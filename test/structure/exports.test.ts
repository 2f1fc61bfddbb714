import { expect, test } from 'bun:test'
import { join } from 'node:path'

const repository = join(import.meta.dir, '../..')
// What JSX is compiled to calls these by name.
const calledByName = /^views\/jsx-runtime\.ts$/

type Source = { path: string; text: string; words: Set<string> }

function source(path: string, text: string): Source {
  return { path, text, words: new Set(text.match(/\w+/g)) }
}

async function readSources(...folders: string[]): Promise<Source[]> {
  const paths = folders.flatMap((folder) => [
    ...new Bun.Glob(`${folder}/**/*.{ts,tsx}`).scanSync({ cwd: repository }),
  ])
  return Promise.all(paths.map(async (path) => source(path, await Bun.file(join(repository, path)).text())))
}

/** Values that a file of the program offers and no other file names, as `path: name`. Types may explain a signature. */
function unwanted(sources: Source[]): string[] {
  const offering = sources.filter(({ path }) => /^(src|views)\//.test(path) && !calledByName.test(path))
  return offering.flatMap((one) => {
    const names = one.text.matchAll(/^export (?:async )?(?:const|function|class) (\w+)/gm)
    return [...names].flatMap(([, name = '']) =>
      sources.some((other) => other !== one && other.words.has(name)) ? [] : [`${one.path}: ${name}`],
    )
  })
}

test('what a file exports, another one uses', async () => {
  expect(unwanted(await readSources('src', 'views', 'test', 'scripts'))).toEqual([])
})

test('an export that nobody uses is found', () => {
  const offered = source('src/a.ts', 'export const used = 1\nexport async function unused() {}\n')
  expect(unwanted([offered, source('src/b.ts', "import { used } from './a'")])).toEqual(['src/a.ts: unused'])
})
