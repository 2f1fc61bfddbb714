import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { demo } from '../../src/cli/demo.ts'

export type Demo = {
  shop: string
  dashboard: string
  mailbox: string
  simulator: string
  adminEmail: string
  /** The folder of its databases. */
  data: string
  stop(): Promise<void>
}

type Announcement = {
  ready: true
  addresses: Omit<Demo, 'adminEmail' | 'data' | 'stop'>
  admin_email: string
}

const SPEED = 20

/** The demo as `bun run demo` starts it, in a folder and on ports of its own, with faster clouds. */
export async function startDemo({ tenants = 0, speed = SPEED } = {}): Promise<Demo> {
  const data = mkdtempSync(join(tmpdir(), 'atlas-browser-'))
  const stopping = new AbortController()
  const errors: string[] = []
  const ready = Promise.withResolvers<Announcement>()
  const io = {
    out: (line: string) => {
      const said = JSON.parse(line) as Partial<Announcement>
      if (said.ready) ready.resolve(said as Announcement)
    },
    err: (line: string) => void errors.push(line),
  }
  const args = ['--json', '--port', '0', '--data', data, '--speed', `${speed}`, '--tenants', `${tenants}`]
  const ended = demo(args, io, stopping.signal).then(() => {
    rmSync(data, { recursive: true, force: true })
    ready.reject(new Error(`The demo ended: ${errors.join(' ')}`))
  })
  const { addresses, admin_email: adminEmail } = await ready.promise
  return {
    ...addresses,
    adminEmail,
    data,
    async stop() {
      stopping.abort()
      await ended
    },
  }
}
