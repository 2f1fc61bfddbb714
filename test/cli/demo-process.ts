import { join } from 'node:path'

const MAIN = join(import.meta.dir, '../../src/main.ts')
const SAYS_WITHIN_MS = 15_000

type Line = Record<string, unknown> & {
  ready?: boolean
  addresses?: Record<'shop' | 'dashboard' | 'mailbox' | 'simulator', string>
  part?: string
  detail?: string
}

/** `atlas demo --json` in a process of its own, on any free ports. */
export class DemoProcess {
  readonly lines: Line[] = []
  private readonly child
  private readonly reading: Promise<void>
  private waiting: (() => void)[] = []

  /** `program` is the command that stands for `atlas`: from source when absent. */
  constructor(args: string[], { program = [process.execPath, MAIN], cwd = process.cwd(), env = {} } = {}) {
    const argv = [...program, 'demo', '--json', '--port', '0', ...args]
    this.child = Bun.spawn(argv, { cwd, env: { ...process.env, ...env }, stdout: 'pipe', stderr: 'pipe' })
    this.reading = this.read()
  }

  /** Resolves with the first line that `wanted` holds for. */
  async says(wanted: (line: Line) => boolean): Promise<Line> {
    const deadline = performance.now() + SAYS_WITHIN_MS
    for (;;) {
      const line = this.lines.find(wanted)
      if (line) return line
      if (this.child.exitCode !== null || performance.now() > deadline) {
        throw new Error(`The demo never said it: ${JSON.stringify(this.lines)} ${await this.errors()}`)
      }
      await new Promise<void>((resolve) => {
        this.waiting.push(resolve)
        setTimeout(resolve, 200)
      })
    }
  }

  async addresses() {
    const { addresses } = await this.says(({ ready }) => ready === true)
    if (!addresses) throw new Error('no addresses')
    return addresses
  }

  /** Sends a signal and waits for the end. */
  async end(signal: 'SIGINT' | 'SIGTERM' = 'SIGINT'): Promise<{ exitCode: number; tookMs: number }> {
    const startedAt = performance.now()
    this.child.kill(signal)
    const exitCode = await this.child.exited
    return { exitCode, tookMs: performance.now() - startedAt }
  }

  /** Resolves with the exit code of a demo that ends by itself. */
  async ended(): Promise<number> {
    const exitCode = await this.child.exited
    await this.reading
    return exitCode
  }

  errors(): Promise<string> {
    return new Response(this.child.stderr).text()
  }

  /** Nothing may outlive a test. */
  kill(): void {
    this.child.kill('SIGKILL')
  }

  private async read(): Promise<void> {
    const decoder = new TextDecoder()
    let rest = ''
    for await (const chunk of this.child.stdout) {
      const parts = (rest + decoder.decode(chunk, { stream: true })).split('\n')
      rest = parts.pop() ?? ''
      for (const line of parts) this.lines.push(JSON.parse(line) as Line)
      for (const go of this.waiting.splice(0)) go()
    }
  }
}
