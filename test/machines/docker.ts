import { runProgram } from './program'

/** What carries the label is these tests' own: it may be removed whoever left it. */
export const OURS = 'atlas.machines'

/** Docker on this machine, through its own command line. */
export class Docker {
  /** `host` such as `unix:///run/docker.sock`. */
  constructor(readonly host: string) {}

  /** Runs one command and resolves to what it printed. Throws with Docker's own words. */
  call(...argv: string[]): Promise<string> {
    return this.run(argv, 120_000)
  }

  /** Runs a container that exists to its end. Throws with its last words when it fails or takes longer. */
  async runThrough(container: string, timeoutMs: number): Promise<void> {
    await this.call('start', container)
    const code = await this.run(['wait', container], timeoutMs)
    if (code === '0') return
    const words = await this.run(['logs', '--tail', '20', container], 10_000)
    throw new Error(`a container ended with ${code}: ${words}`)
  }

  /** Runs a shell script as root inside a container. */
  inside(container: string, script: string): Promise<string> {
    return this.call('exec', container, 'sh', '-c', script)
  }

  async answers(): Promise<boolean> {
    try {
      await this.call('version', '--format', '{{.Server.Version}}')
      return true
    } catch {
      return false
    }
  }

  /** Removes every container, network and volume of these tests, also those of a run that was killed. */
  async sweep(): Promise<void> {
    const containers = await this.list('ps', '--all')
    if (containers.length > 0) await this.call('rm', '--force', '--volumes', ...containers)
    const networks = await this.list('network', 'ls')
    if (networks.length > 0) await this.call('network', 'rm', ...networks)
    const volumes = await this.list('volume', 'ls')
    if (volumes.length > 0) await this.call('volume', 'rm', ...volumes)
    const images = await this.list('image', 'ls')
    if (images.length > 0) await this.call('image', 'rm', '--force', ...images)
  }

  private run(argv: string[], timeoutMs: number): Promise<string> {
    return runProgram(['docker', '--host', this.host, ...argv], { timeoutMs })
  }

  private async list(...what: string[]): Promise<string[]> {
    const ids = await this.call(...what, '--quiet', '--filter', `label=${OURS}`)
    return [...new Set(ids.split('\n'))].filter(Boolean)
  }
}
