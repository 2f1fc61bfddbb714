/**
 * `bun run crashtest [--kills N] [--seed S] [--pairs N] [OPTIONS]`: every row of the bar about crashes, a line each, and
 * at the end all of them in one. Those that need processes are killed here, unless an option asks for something else than
 * all of it; those in simulated time are `atlas crashtest`'s, which gets the other options.
 */
import { build } from '../../scripts/build'
import { readOptions } from './options'
import { kills, type Ran, second } from './rows'
import { inTheEnd, Verdicts } from './verdicts'

const { kills: count, seed, simulated: options, isAll } = readOptions(Bun.argv.slice(2))
/** Kills. */
const SAID_EVERY = 25
const verdicts = new Verdicts()
const binary = await build('host')
if (isAll) {
  report(await kills(binary, count, seed, sayKills))
  report(await second(binary))
}
const simulated = Bun.spawn([binary, 'crashtest', ...options], { stdout: 'pipe', stderr: 'inherit' })
for await (const chunk of simulated.stdout) {
  process.stdout.write(chunk)
  verdicts.read(chunk)
}
const isWell = (await simulated.exited) === 0
if (isAll) console.log(inTheEnd(verdicts.all))
process.exit(isWell && verdicts.all.every(({ verdict }) => verdict === 'pass') ? 0 : 1)

/** Now and then, beside what was asked for. */
function sayKills(killed: number): void {
  if (killed % SAID_EVERY === 0 && killed < count) console.error(`A4: ${killed} of ${count} kills so far`)
}

function report({ name, says, figures, wrong, lack }: Ran): void {
  const words = Object.entries(figures).map(([word, figure]) => `${word}=${figure}`)
  const verdict = wrong.length > 0 ? 'fail' : lack ? 'short' : 'pass'
  verdicts.add({ name, verdict })
  console.log(`${name} ${words.join(' ')} wrong=${wrong.length} ${verdict} (${says})`)
  if (lack) console.log(`   ${lack}`)
  for (const one of wrong.slice(0, 10)) console.log(`   ${one}`)
}
