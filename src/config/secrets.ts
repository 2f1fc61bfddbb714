import { unescape as percentDecoded } from 'node:querystring'
import { type Environment, VARIABLES } from '../config'

/** The values that must never be printed: Atlas's own, and those that blueprints share with tenants. */
export function secretsOf(env: Environment): string[] {
  const own = Object.entries(VARIABLES).flatMap(([name, variable]) => ('secret' in variable ? [name] : []))
  const shared = Object.keys(env).filter((name) => SECRET_NAME.test(name))
  const named = [...new Set([...own, ...shared])].flatMap((name) => env[name]?.trim() || [])
  const addresses = Object.keys(env).filter((name) => name.endsWith('_URL'))
  return [...named, ...addresses.flatMap((name) => credentialsIn(env[name]?.trim() ?? ''))]
}

/** What an address such as `https://name:password@proxy` gives away: as written, as meant, and as a proxy is sent it. */
function credentialsIn(address: string): string[] {
  if (!URL.canParse(address)) return []
  const { username, password } = new URL(address)
  // A token stands in the name's place.
  const secret = password || username
  if (!secret) return []
  const pair = percentDecoded(`${username}:${password}`)
  const basic = Buffer.from(pair).toString('base64')
  return [secret, percentDecoded(secret), `${username}:${password}`, pair, basic]
}

// `ATLAS_SSH_KEY_ID` and `AWS_ACCESS_KEY_ID` name keys and are none.
const SECRET_NAME = /(^|_)(KEY|SECRET|TOKEN|PASSWORD)(_(?!ID$)|$)/
