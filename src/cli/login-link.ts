import { createLoginLink, LINK_LASTS_MS } from '../accounts/login'
import { operatorEmail } from '../accounts/organization'
import { openDataBeside } from '../atlas/data-dir'
import { SystemClock } from '../clock'
import { dataDirIn, type Environment } from '../config'
import { AtlasError, conflict } from '../errors'
import type { Output } from './output'

/**
 * `atlas login-link`: a way in for whoever may read the database, when no mail arrives or somebody else has used up the
 * tries. 1 when there is no database or nobody knows whom the link is for, 2 when called wrongly.
 */
export async function loginLink(args: string[], io: Output, env: Environment): Promise<number> {
  if (args.length > 0) {
    io.err('Usage: atlas login-link')
    return 2
  }
  try {
    const db = openDataBeside(dataDirIn(env))
    try {
      const email = env.ADMIN_EMAIL?.trim().toLowerCase() || operatorEmail(db.read)
      if (!email)
        throw conflict('Nobody has signed in yet, so say whom it is for: set ADMIN_EMAIL as Atlas has it.')
      const path = db.write((tx) => createLoginLink(tx, email, new SystemClock().now()))
      io.out(`${env.BASE_URL?.trim().replace(/\/$/, '') ?? ''}${path}`)
      io.err(`It signs ${email} in, once and within ${LINK_LASTS_MS / 60_000} minutes.`)
      if (!env.BASE_URL) io.err('Open it at the address of your Atlas.')
    } finally {
      db.close()
    }
    return 0
  } catch (thrown) {
    if (!(thrown instanceof AtlasError)) throw thrown
    io.err(thrown.message)
    return 1
  }
}
