/** `bun run check`: types and style. */
const bun = process.execPath
const root = `${import.meta.dir}/..`

export type Check = { name: string; passed: boolean }

/** Runs the type check and the linter, whose findings go to the terminal. */
export async function runChecks(): Promise<Check[]> {
  const style = process.env.CI === 'true' ? ['ci'] : ['check']
  return [
    await check('types', ['node_modules/typescript/bin/tsc', '--noEmit']),
    await check('style', ['node_modules/@biomejs/biome/bin/biome', ...style, '--colors=off']),
  ]
}

async function check(name: string, argv: string[]): Promise<Check> {
  const startedAt = performance.now()
  const { exited } = Bun.spawn([bun, ...argv], { cwd: root, stdout: 'inherit', stderr: 'inherit' })
  const passed = (await exited) === 0
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
  console.log(`${passed ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)`)
  return { name, passed }
}

if (import.meta.main) process.exitCode = (await runChecks()).every(({ passed }) => passed) ? 0 : 1
