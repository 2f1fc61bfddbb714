/**
 * `bun run crashtest [--kills N] [--seed S] [--pairs N] [OPTIONS]`: every row of the bar about crashes, a line each. Those in
 * simulated time are `atlas crashtest`'s, which gets the other options; those that need processes are killed here,
 * unless an option asks for something else than all of it.
 */
import { build } from '../../scripts/build'
import { readOptions } from './options'
import { kills, type Ran, second } from './rows'

const { kills: count, seed, simulated: options, isAll } = readOptions(Bun.argv.slice(2))
const binary = await build('host')
const simulated = Bun.spawn([binary, 'crashtest', ...options], { stdout: 'inherit', stderr: 'inherit' })
let failed = (await simulated.exited) === 0 ? 0 : 1
if (isAll) {
  report(await kills(binary, count, seed))
  report(await second(binary))
}
process.exit(failed)

function report({ name, says, figures, wrong, lack }: Ran): void {
  const words = Object.entries(figures).map(([word, figure]) => `${word}=${figure}`)
  const verdict = wrong.length > 0 ? 'fail' : lack ? 'short' : 'pass'
  console.log(`${name} ${words.join(' ')} wrong=${wrong.length} ${verdict} (${says})`)
  if (lack) console.log(`   ${lack}`)
  for (const one of wrong.slice(0, 10)) console.log(`   ${one}`)
  if (verdict !== 'pass') failed = 1
}
