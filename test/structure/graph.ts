import { existsSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'

/** One import of one file by another; both are paths from the repository's root, or a package's name. */
export type Import = { from: string; to: string; kind: 'value' | 'type' | 'dynamic' }

const repository = join(import.meta.dir, '../..')

/** The imports of every TypeScript file in these folders. */
export async function readImports(...folders: string[]): Promise<Import[]> {
  const files = folders.flatMap((folder) => [
    ...new Bun.Glob(`${folder}/**/*.{ts,tsx}`).scanSync({ cwd: repository }),
  ])
  const read = async (file: string) => importsOf(file, await Bun.file(join(repository, file)).text())
  return (await Promise.all(files.map(read))).flat()
}

/** The imports that a source text states, `import()` included. */
export function importsOf(file: string, source: string): Import[] {
  const code = source.replace(/^\s*(\/\/|\*|\/\*).*$/gm, '')
  const statements = code.matchAll(/^\s*(?:import|export)\s+(?:([^'"`;=]*?)\s*from\s+)?'([^']+)'/gm)
  const calls = code.matchAll(/(typeof\s+)?\bimport\(\s*(?:'([^']+)'|[^)]*)/g)
  return [
    ...[...statements].map(([, names, to]) => found(to!, isTypeOnly(names ?? '') ? 'type' : 'value')),
    // An import() of something computed keeps an empty name, which no rule lets pass.
    ...[...calls].map(([, typeOf, to]) => found(to ?? '', typeOf ? 'type' : 'dynamic')),
  ]

  function found(to: string, kind: Import['kind']): Import {
    return { from: file, to: to.startsWith('.') ? resolve(file, to) : to, kind }
  }
}

function isTypeOnly(names: string): boolean {
  if (/^type\b/.test(names)) return true
  const listed = names.match(/^\{(.*)\}$/s)?.[1]
  return listed?.split(',').every((name) => name.trim() === '' || /^type\s/.test(name.trim())) ?? false
}

function resolve(file: string, to: string): string {
  const path = normalize(join(dirname(file), to))
  return (
    [path, `${path}.ts`, `${path}.tsx`].find((candidate) => /\.\w+$/.test(candidate) && exists(candidate)) ??
    path
  )
}

function exists(path: string): boolean {
  return existsSync(join(repository, path))
}

/** Rings of files that need each other at run time, each told once. */
export function findCycles(imports: Import[]): string[] {
  const next = Map.groupBy(
    imports.filter(({ kind }) => kind === 'value'),
    ({ from }) => from,
  )
  const done = new Set<string>()
  const cycles: string[] = []
  for (const file of next.keys()) visit(file, [])
  return cycles

  function visit(file: string, path: string[]): void {
    if (path.includes(file)) {
      cycles.push([...path.slice(path.indexOf(file)), file].join(' -> '))
      return
    }
    if (done.has(file)) return
    for (const { to } of next.get(file) ?? []) visit(to, [...path, file])
    done.add(file)
  }
}
