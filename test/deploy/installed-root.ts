import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const repository = join(import.meta.dir, '../..')
export const installer = join(repository, 'deploy/install.sh')

/** A temporary folder, removed when the `using` block ends. */
export function temporaryFolder(): { path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), 'atlas-deploy-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}

/** Runs install.sh below `root` with stand-in binaries, and returns what it said. */
export function install(root: string, ...options: string[]): string {
  const binary = join(root, 'stand-in')
  mkdirSync(root, { recursive: true })
  writeFileSync(binary, '#!/bin/sh\n')
  chmodSync(binary, 0o755)
  const { exitCode, stdout, stderr } = Bun.spawnSync([
    'sh',
    installer,
    ...['--root', root, '--binary', binary, '--litestream', binary],
    ...options,
  ])
  if (exitCode !== 0) throw new Error(`install.sh exited with ${exitCode}: ${stderr}`)
  return stdout.toString()
}

/** The assignments of an environment file, as systemd reads the forms that ours have. */
export function readEnvironmentFile(path: string): Record<string, string> {
  const lines = readFileSync(path, 'utf8').split('\n')
  const assignments = lines.flatMap((line) => line.match(/^([A-Z0-9_]+)=(.*)$/)?.slice(1, 3) ?? [])
  const pairs = assignments.flatMap((name, at) =>
    at % 2 === 0 ? [[name, assignments[at + 1]!] as const] : [],
  )
  return Object.fromEntries(pairs.map(([name, value]) => [name, value.replace(/^"(.*)"$/, '$1')]))
}
