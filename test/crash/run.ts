/**
 * `bun run crashtest [--kills N] [--seed S] [OPTIONS]`: every row of the bar about crashes, a line each. Those in
 * simulated time are `atlas crashtest`'s, which gets the other options; those that need processes are killed here.
 */
import { parseArgs } from 'node:util'
import { build } from '../../scripts/build'
import { kills, type Ran, second } from './rows'

const KILLS = 200
const SEED = 20_261_122

const { values, tokens } = parseArgs({
  args: Bun.argv.slice(2),
  options: { kills: { type: 'string' }, seed: { type: 'string' } },
  strict: false,
  tokens: true,
})
const own = new Set(
  tokens.flatMap((token) => {
    if (token.kind !== 'option' || token.name !== 'kills') return []
    return token.inlineValue ? [token.index] : [token.index, token.index + 1]
  }),
)
const passedOn = Bun.argv.slice(2).filter((_, index) => !own.has(index))

const binary = await build('host')
const simulated = Bun.spawn([binary, 'crashtest', ...passedOn], { stdout: 'inherit', stderr: 'inherit' })
let failed = (await simulated.exited) === 0 ? 0 : 1
if (passedOn.length === 0) {
  report(await kills(binary, Number(values.kills ?? KILLS), Number(values.seed ?? SEED)))
  report(await second(binary))
}
process.exit(failed)

function report({ name, says, figures, wrong }: Ran): void {
  const words = Object.entries(figures).map(([word, figure]) => `${word}=${figure}`)
  console.log(
    `${name} ${words.join(' ')} wrong=${wrong.length} ${wrong.length === 0 ? 'pass' : 'fail'} (${says})`,
  )
  for (const one of wrong.slice(0, 10)) console.log(`   ${one}`)
  if (wrong.length > 0) failed = 1
}
