import { writeFileSync } from 'node:fs'
import type { Subprocess } from 'bun'

/**
 * Runs a program to its end; resolves to what it printed, without the last line break. Throws with its own last words
 * when it fails or takes longer than `timeoutMs`.
 */
export async function runProgram(argv: string[], { timeoutMs = 60_000, input = '' } = {}): Promise<string> {
  const stdin = new Blob([input])
  const program = Bun.spawn(argv, { stdin, stdout: 'pipe', stderr: 'pipe', timeout: timeoutMs })
  const [said, complained, code] = await Promise.all([
    new Response(program.stdout).text(),
    new Response(program.stderr).text(),
    program.exited,
  ])
  if (code === 0) return said.trimEnd()
  throw new Error(`${argv.join(' ')} ended with ${program.signalCode ?? code}: ${complained.slice(-2000)}`)
}

/** A program that goes on until it is stopped, and ends with this process whatever becomes of it. */
export class Daemon {
  private readonly process: Subprocess

  constructor(
    argv: string[],
    private readonly logFile: string,
    env: Record<string, string> = {},
  ) {
    // Written anew: what another run said is no word of this one.
    writeFileSync(logFile, '')
    const log = Bun.file(logFile)
    this.process = Bun.spawn(['setpriv', '--pdeathsig', 'TERM', ...argv], {
      stdin: 'ignore',
      stdout: log,
      stderr: log,
      env: { ...process.env, ...env },
    })
  }

  get hasEnded(): boolean {
    return this.process.exitCode !== null || this.process.signalCode !== null
  }

  /** Waits until `isUp` holds. Throws with the daemon's last words when it ends before, or does not come up. */
  async up(isUp: () => Promise<boolean>, timeoutMs = 30_000): Promise<void> {
    const deadline = Date.now() + timeoutMs
    while (!(await isUp().catch(() => false))) {
      if (this.hasEnded || Date.now() > deadline) throw new Error(await this.lastWords())
      await Bun.sleep(100)
    }
  }

  async lastWords(): Promise<string> {
    const lines = (await Bun.file(this.logFile).text()).trimEnd().split('\n')
    return lines.slice(-5).join('\n')
  }

  async stop(): Promise<void> {
    this.process.kill('SIGTERM')
    await this.process.exited
  }
}
