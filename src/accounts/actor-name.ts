import { eq } from 'drizzle-orm'
import type { Reader } from '../db/open'
import { apiTokens, users } from '../db/schema'

/** Who an actor's id stands for, in words for the operator: an address, a token's name, or the word it is. */
export function actorName(db: Reader, actorId: string): string {
  const user = db.select({ email: users.email }).from(users).where(eq(users.id, actorId)).get()
  if (user) return user.email
  const token = db.select({ name: apiTokens.name }).from(apiTokens).where(eq(apiTokens.id, actorId)).get()
  return token ? `token ${token.name}` : (NAMES[actorId] ?? actorId)
}

const NAMES: Record<string, string> = { atlas: 'Atlas', github: 'GitHub', cli: 'the command line' }
