import type { Output } from './cli/output'

// `bun run build` puts the real ones in.
const VERSION = process.env.ATLAS_VERSION ?? 'development'
const COMMIT = process.env.ATLAS_COMMIT ?? 'uncommitted'

const USAGE = `Atlas turns a docker-compose app into a paid product with a server for every customer.

Usage: atlas COMMAND

  serve                    run Atlas with the environment's configuration
  demo                     run Atlas and simulated clouds on this machine
    --story [full]         live the story without a browser and check its end; full goes on through a whole life
    --tenants N            start with N live tenants
    --speed N              clouds that are N times as fast as real ones
    --fresh                forget the data of earlier starts
    --json                 print every line as JSON
    --port P, --data DIR   the first of four ports, the folder of the data
  simulator                run the simulated clouds alone (--speed, --port, --data)
  crashtest                lives of the whole system in simulated time, with every crash; must leave nothing behind
    --seeds N, --seed S    so many lives; one life, told line by line
    --row ROW, --kind KIND only one row of the bar, only one kind of run
    --pairs N              of all pairs of crashes one in N; 0 leaves them out
    --story JSON           one story again, such as the shortest that broke something
  blueprint check DIR      check a blueprint and show what a tenant would get
  tenants COMMAND          list, show, suspend, resume and the rest of tenants' lives
                           (of ATLAS_URL with ATLAS_TOKEN, or of the Atlas on this machine)
  deploy TAG               roll a release out to the fleet; stops and goes back by itself when it fails
    --dry-run              say who would get it and when (its other options: atlas deploy)
    --wait                 follow it: 0 when it succeeded, 1 when it stopped, went back or was refused
  rollout VERB [ID]        status, list, hold, resume, skip, abort or rollback
  reconcile                compare what the clouds hold with what Atlas knows
    --apply                list what can be put right, ask, and do it (--yes does not ask)
  token create NAME        make an API token for the operator, shown once
  token list               list API tokens
  token revoke ID          make an API token useless
  login-link               make a link that signs the operator in, when no mail arrives
  version                  print the version
  help                     print this
`

const io: Output = {
  out: (line) => process.stdout.write(`${line}\n`),
  err: (line) => process.stderr.write(`${line}\n`),
}

/** Runs one command and resolves to its exit code: 0 done, 1 refused or failed, 2 called wrongly. */
async function run([command, ...args]: string[], stop: AbortSignal): Promise<number> {
  switch (args.includes('--help') ? 'help' : command) {
    case 'serve':
      return (await import('./cli/serve')).serve(io, stop)
    case 'demo':
      return (await import('./cli/demo')).demo(args, io, stop)
    case 'crashtest':
      return (await import('./cli/crashtest')).crashtest(args, io)
    case 'simulator':
      return (await import('./cli/simulator')).simulator(args, io, stop)
    case 'blueprint':
      return (await import('./cli/blueprint')).blueprint(args, io)
    case 'tenants':
      return (await import('./cli/tenants')).tenants(args, io, process.env, stop)
    case 'deploy':
      return (await import('./cli/deploy')).deploy(args, io, process.env, stop)
    case 'rollout':
      return (await import('./cli/rollout')).rollout(args, io, process.env, stop)
    case 'reconcile':
      return (await import('./cli/reconcile')).reconcile(args, io, process.env, stop)
    case 'token':
      return (await import('./cli/token')).token(args, io, process.env)
    case 'login-link':
      return (await import('./cli/login-link')).loginLink(args, io, process.env)
    case 'version':
    case '--version':
      io.out(`atlas ${VERSION} (${COMMIT})`)
      return 0
    case undefined:
    case 'help':
    case '--help':
      io.out(USAGE.trimEnd())
      return 0
  }
  io.err(`atlas: there is no command \`${command}\`. Try \`atlas help\`.`)
  return 2
}

const stopping = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort())

// As after `| head`: whoever wanted to know has gone, so that what still runs can end. Atlas outlives its log's reader.
process.stdout.on('error', (error) => ifReaderIsGone(error, () => stopping.abort()))
process.stderr.on('error', (error) => ifReaderIsGone(error, () => {}))

function ifReaderIsGone(error: NodeJS.ErrnoException, then: () => void): void {
  if (error.code !== 'EPIPE') throw error
  then()
}

process.exit(await run(process.argv.slice(2), stopping.signal))
