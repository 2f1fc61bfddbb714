/** `bun run build [--target x64|arm64|all]`: one binary, with everything that Atlas needs inside. */
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { version } from '../package.json'

const root = join(import.meta.dir, '..')
const targets = { host: null, x64: 'bun-linux-x64', arm64: 'bun-linux-arm64' } as const

type Target = keyof typeof targets

/**
 * Compiles Atlas for this machine (`dist/atlas`) or for Linux on another processor (`dist/atlas-linux-arm64`), whose
 * runtime Bun fetches from the package registry. Returns the binary's path; throws when it could not be built.
 */
export async function build(target: Target): Promise<string> {
  const startedAt = performance.now()
  const binary = join(root, 'dist', target === 'host' ? 'atlas' : `atlas-linux-${target}`)
  await compile('src/main.ts', binary, target)
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
  console.log(`${binary} ${(Bun.file(binary).size / 1e6).toFixed(0)} MB (${seconds} s)`)
  return binary
}

/** Compiles a program and all that it imports into one binary. Throws when that fails; the reason is on stderr. */
export async function compile(entry: string, binary: string, target: Target = 'host'): Promise<void> {
  const argv = await compileCommand(entry, binary, target)
  const { exited } = Bun.spawn(argv, { cwd: root, stdout: 'ignore', stderr: 'inherit' })
  if ((await exited) !== 0) throw new Error(`${binary} could not be built`)
}

async function compileCommand(entry: string, binary: string, target: Target): Promise<string[]> {
  const runtime = targets[target]
  return [
    ...[process.execPath, 'build', '--compile', '--minify', '--bytecode', '--format=esm'],
    // A command loads only its own parts: the simulator and the AWS SDK cost a server that is starting nothing.
    '--splitting',
    // A binary that read these would run whatever bunfig.toml or .env lies in the folder it is started in.
    ...['--no-compile-autoload-dotenv', '--no-compile-autoload-bunfig'],
    // ssh2 can do without this native helper, and looks for it in a try.
    ...['--external', 'cpu-features'],
    ...defined('ATLAS_VERSION', version),
    ...defined('ATLAS_COMMIT', await commit()),
    ...(runtime ? [`--target=${runtime}`] : []),
    ...['--outfile', binary, entry],
  ]
}

/** The program reads these as `process.env.NAME`; running from source, they are not set. */
function defined(name: string, value: string): string[] {
  return ['--define', `process.env.${name}=${JSON.stringify(value)}`]
}

/** The commit that is built, with a `+` when files differ from it; `unknown` outside a repository. */
async function commit(): Promise<string> {
  const [head, changes] = await Promise.all([
    git('rev-parse', '--short=12', 'HEAD'),
    git('status', '--porcelain'),
  ])
  return head === null ? 'unknown' : `${head}${changes ? '+' : ''}`
}

async function git(...args: string[]): Promise<string | null> {
  if (!Bun.which('git')) return null
  const { stdout, exited } = Bun.spawn(['git', ...args], { cwd: root, stderr: 'ignore' })
  const said = (await stdout.text()).trim()
  return (await exited) === 0 ? said : null
}

/** The targets that `--target` asks for, or null where it names none that there is. */
export function wantedTargets(asked: string | undefined): Target[] | null {
  if (asked === undefined) return ['host']
  if (asked === 'all') return ['x64', 'arm64']
  return asked === 'x64' || asked === 'arm64' ? [asked] : null
}

if (import.meta.main) {
  const wanted = wantedTargets(parseArgs({ options: { target: { type: 'string' } } }).values.target)
  if (wanted === null) {
    console.error('usage: bun run build [--target x64|arm64|all]')
    process.exit(2)
  }
  for (const target of wanted) await build(target)
}
