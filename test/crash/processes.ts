import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Scene } from '../../src/cli/story/scene'
import type { Environment } from '../../src/config'

type Ports = { atlas: number; clouds: number; tenants: number; gateway: number }

const MAIN = join(import.meta.dir, '../../src/main.ts')
/** Atlas as it is written; a compiled binary is `[path]`. */
export const FROM_SOURCE = [process.execPath, MAIN]
const UP_TIMEOUT_MS = 20_000

/** Simulated clouds in a process of their own, and the environment of an Atlas that uses them. */
export class CloudsProcess {
  private constructor(
    private readonly child: Bun.Subprocess,
    readonly dir: string,
    readonly ports: Ports,
    readonly environment: Environment,
  ) {}

  /** Starts them `speed` times as fast as real clouds, in a folder that `end` removes. */
  static async start(speed: number): Promise<CloudsProcess> {
    const dir = mkdtempSync(join(tmpdir(), 'atlas-crash-'))
    const args = ['simulator', '--data', dir, '--port', '0', '--speed', String(speed)]
    const child = Bun.spawn([process.execPath, MAIN, ...args], { stdout: 'pipe', stderr: 'inherit' })
    const { ports, environment } = JSON.parse(await firstLine(child.stdout)) as Pick<
      CloudsProcess,
      'ports' | 'environment'
    >
    return new CloudsProcess(child, dir, ports, environment)
  }

  get url(): string {
    return `http://127.0.0.1:${this.ports.clouds}`
  }

  /** Where a story is lived, with the Atlas that serves this environment. */
  get places(): Pick<Scene, 'atlas' | 'clouds' | 'tenants' | 'adminEmail'> {
    return {
      atlas: this.environment.BASE_URL ?? '',
      clouds: this.url,
      tenants: `http://127.0.0.1:${this.ports.tenants}`,
      adminEmail: this.environment.ADMIN_EMAIL ?? '',
    }
  }

  async end(): Promise<void> {
    this.child.kill('SIGKILL')
    await this.child.exited
    rmSync(this.dir, { recursive: true })
  }
}

/** `atlas serve` in a process that can be killed and started again. */
export class AtlasProcess {
  private child: Bun.Subprocess
  private lives = 0

  constructor(
    private readonly environment: Environment,
    private readonly dir: string,
    private readonly program: readonly string[] = FROM_SOURCE,
  ) {
    this.child = this.start()
  }

  /** `kill -9`; `meanwhile` runs while Atlas is dead, then it is started again. */
  async kill(meanwhile: () => void): Promise<void> {
    this.child.kill('SIGKILL')
    await this.child.exited
    if (this.child.signalCode !== 'SIGKILL')
      throw new Error(`Atlas had ended by itself.\n${this.words(this.lives)}`)
    meanwhile()
    this.child = this.start()
  }

  /** Ends it for good. */
  async end(): Promise<void> {
    this.child.kill('SIGKILL')
    await this.child.exited
  }

  /** Resolves once it answers. */
  async up(): Promise<void> {
    const deadline = AbortSignal.timeout(UP_TIMEOUT_MS)
    while (!deadline.aborted) {
      const answer = await fetch(`${this.environment.BASE_URL}/`, { signal: deadline }).catch(() => null)
      if (answer?.ok) return
      await Bun.sleep(20)
    }
    throw new Error(`Atlas did not start.\n${this.words(this.lives)}`)
  }

  /** What it logged as errors, in all its lives. */
  complaints(): string[] {
    const lives = Array.from({ length: this.lives }, (_, index) => this.words(index + 1))
    return lives.flatMap((words) => words.split('\n')).filter((line) => line.includes('"level":"error"'))
  }

  private words(life: number): string {
    return readFileSync(this.logFile(life), 'utf8')
  }

  private logFile(life: number): string {
    return join(this.dir, `atlas-life-${life}.log`)
  }

  private start(): Bun.Subprocess {
    this.lives++
    return Bun.spawn([...this.program, 'serve'], {
      env: { PATH: process.env.PATH, ...this.environment },
      stdout: 'ignore',
      stderr: Bun.file(this.logFile(this.lives)),
    })
  }
}

async function firstLine(output: ReadableStream<Uint8Array>): Promise<string> {
  let text = ''
  const decoder = new TextDecoder()
  for await (const chunk of output) {
    text += decoder.decode(chunk, { stream: true })
    const end = text.indexOf('\n')
    if (end >= 0) return text.slice(0, end)
  }
  throw new Error('The simulator ended before it was up.')
}
