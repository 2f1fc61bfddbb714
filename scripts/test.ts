/** `bun run test [FILTER...]`: the whole gate, or with filters only the test files whose path contains one. */
import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { runChecks } from './check.ts'
import { exitCode, type Report, readReport, readSkipped } from './report.ts'
import { missingTools, remedy } from './tools.ts'

const bun = process.execPath
const root = join(import.meta.dir, '..')
const everythingMustRun = process.env.CI === 'true'
const filters = process.argv.slice(2)
const testTimeoutMs = 20_000
const runTimeoutMs = 18 * 60_000
/** Where a Debian package's units are not called like it. */
const UNITS: Record<string, string[]> = {
  'docker.io': ['docker.socket', 'docker'],
  'openssh-server': ['ssh.socket', 'ssh'],
}

await install()
await bringTools()
const checks = filters.length > 0 ? [] : await runChecks()
const { report, skipped } = await runTests()
finish({
  passed: report.passed + checks.filter(({ passed }) => passed).length,
  failed: report.failed + checks.filter(({ passed }) => !passed).length,
  skipped: report.skipped,
})

async function install(): Promise<void> {
  const { exited } = run([bun, 'install', '--frozen-lockfile'])
  if ((await exited) === 0) return
  console.log('The packages could not be installed as bun.lock says.\n0 passed, 1 failed')
  process.exit(1)
}

/** As root on Debian installs what is missing; elsewhere says what will be skipped for it. */
async function bringTools(): Promise<void> {
  const packages = missingTools().flatMap(({ debianPackages }) => debianPackages)
  if (packages.length > 0 && process.getuid?.() === 0 && Bun.which('apt-get')) await aptInstall(packages)
  for (const tool of missingTools())
    console.log(`${tool.command} is missing, so ${tool.usedFor} will not be tested (${remedy(tool)})`)
}

async function aptInstall(packages: string[]): Promise<void> {
  console.log(`installing ${packages.join(' ')}`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  await run(['apt-get', 'update', '-q'], env).exited
  await run(['apt-get', 'install', '-y', '-q', '--no-install-recommends', ...packages], env).exited
  // Debian starts these as soon as they are installed; the tests only run the programs.
  const services = ['caddy', 'docker.io', 'docker-registry', 'openssh-server'].filter((name) =>
    packages.includes(name),
  )
  const units = services.flatMap((name) => UNITS[name] ?? name)
  if (units.length > 0 && Bun.which('systemctl'))
    await Bun.spawn(['systemctl', 'disable', '--now', ...units], { stdout: 'ignore', stderr: 'ignore' })
      .exited
}

function run(argv: string[], env: Record<string, string | undefined> = process.env) {
  return Bun.spawn(argv, { cwd: root, env, stdout: 'inherit', stderr: 'inherit' })
}

async function runTests(): Promise<{ report: Report; skipped: string[] }> {
  const folder = mkdtempSync(join(tmpdir(), 'atlas-test-'))
  const junitPath = join(folder, 'junit.xml')
  try {
    const tests = Bun.spawn(testCommand(junitPath), {
      cwd: root,
      stdout: 'pipe',
      stderr: 'pipe',
      timeout: runTimeoutMs,
      killSignal: 'SIGKILL',
    })
    const [, closing, code] = await Promise.all([show(tests.stdout), show(tests.stderr), tests.exited])
    const junit = Bun.file(junitPath)
    return {
      report: readReport(closing, code),
      skipped: (await junit.exists()) ? readSkipped(await junit.text()) : [],
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Every file in a process's own global scope, as many processes as cores; no browser or server outlives the run. */
function testCommand(junitPath: string): string[] {
  const workers = Math.max(2, availableParallelism())
  const reporter = ['--reporter=junit', `--reporter-outfile=${junitPath}`]
  return [
    bun,
    'test',
    '--no-orphans',
    `--parallel=${workers}`,
    `--timeout=${testTimeoutMs}`,
    ...reporter,
    ...filters,
  ]
}

/** Passes a stream on to the terminal as it comes, and returns all of it. */
async function show(stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder()
  let seen = ''
  for await (const chunk of stream) {
    const text = decoder.decode(chunk, { stream: true })
    process.stdout.write(text)
    seen += text
  }
  return seen
}

function finish(total: Report): never {
  if (skipped.length > 0) console.log(`\nskipped:\n${skipped.map((line) => `  ${line}`).join('\n')}`)
  for (const { name } of checks.filter(({ passed }) => !passed)) console.log(`failed: ${name}`)
  if (everythingMustRun && total.skipped > 0) console.log('CI=true: a skipped test is a failure')
  console.log(`${total.passed} passed, ${total.failed} failed`)
  process.exit(exitCode(total, everythingMustRun))
}
