import { createLoginLink, LINK_LASTS_MS } from '../accounts/login'
import { operatorEmail } from '../accounts/organization'
import type { Environment } from '../config'
import { conflict } from '../errors'
import { workBeside } from './beside'
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
  return workBeside(io, env, (db, nowMs) => {
    const email = env.ADMIN_EMAIL?.trim().toLowerCase() || operatorEmail(db.read)
    if (!email)
      throw conflict('Nobody has signed in yet, so say whom it is for: set ADMIN_EMAIL as Atlas has it.')
    const path = db.write((tx) => createLoginLink(tx, email, nowMs))
    io.out(`${env.BASE_URL?.trim().replace(/\/$/, '') ?? ''}${path}`)
    io.err(`It signs ${email} in, once and within ${LINK_LASTS_MS / 60_000} minutes.`)
    if (!env.BASE_URL) io.err('Open it at the address of your Atlas.')
  })
}
