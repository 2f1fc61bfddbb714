import { join } from 'node:path'
import { eq } from 'drizzle-orm'
import { ensureUser } from '../../src/accounts/organization.ts'
import { openSession } from '../../src/accounts/session.ts'
import { openDataBeside } from '../../src/atlas/data-dir.ts'
import { SystemClock } from '../../src/clock.ts'
import { users } from '../../src/db/schema.ts'
import { ADMIN_EMAIL, demoEnvironment, demoKeys } from '../../src/demo/environment.ts'
import { cookieName } from '../../src/routes/cookie.ts'
import { freePort } from './binary.ts'

const root = join(import.meta.dir, '../..')
const dir = join(root, 'data/bench')

/** The environment of an Atlas with so many live tenants, whose data is made on first use and kept for the next. */
export async function fleetEnvironment(tenants: number): Promise<Record<string, string | undefined>> {
  const args = ['demo', '--json', '--port', '0', '--data', dir, '--tenants', String(tenants)]
  const demo = Bun.spawn([process.execPath, join(root, 'src/main.ts'), ...args], {
    cwd: root,
    stderr: 'pipe',
  })
  const decoder = new TextDecoder()
  let said = ''
  for await (const chunk of demo.stdout) {
    said += decoder.decode(chunk, { stream: true })
    if (said.includes('"ready":true')) break
  }
  demo.kill('SIGINT')
  if ((await demo.exited) !== 0) throw new Error(`the fleet could not be made: ${await demo.stderr.text()}`)
  const port = freePort()
  return demoEnvironment(dir, demoKeys(dir), { atlas: port, clouds: 9, tenants: 9, gateway: 9 })
}

/** The cookie of an operator who is signed in there. */
export function operatorCookie(baseUrl: string): string {
  const clock = new SystemClock()
  const db = openDataBeside(dir)
  try {
    const token = db.write((tx) => {
      const id = ensureUser(tx, ADMIN_EMAIL, clock.now())
      tx.update(users).set({ isOperator: true }).where(eq(users.id, id)).run()
      return openSession(tx, id, { ip: null, userAgent: 'bench' }, clock.now())
    })
    return `${cookieName('session', baseUrl)}=${token}`
  } finally {
    db.close()
  }
}
