import type { Environment } from '../config'
import { invalid } from '../errors'
import type { Random } from '../ids'
import type { Blueprint, Plan, Setting } from './blueprint'
import { fillTemplate } from './template'

export type SettingsInput = {
  tenant: { id: string; subdomain: string; domain: string; url: string }
  organization: { email: string }
  plan: Plan
  release: string
  /** What `generateSecrets` made for this tenant. */
  secrets: Record<string, string>
  /** Atlas's own environment, for the settings that are shared. */
  env: Environment
}

/** What the agent's verb `settings` takes. */
export type TenantSettings = { compose: string; env: Record<string, string> }

/** A command in a service's container that finds the value of a setting in NEW_VALUE. */
export type RotationHook = { name: string; service: string; command: string[] }

const MASK = '••••••••'
const VALUE_BYTES_MAX = 32 * 1024
// Without characters that people mistake for one another.
const PASSWORD_ALPHABET = 'abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789'
const ALPHABETS = {
  password: PASSWORD_ALPHABET,
  hex: '0123456789abcdef',
  base64url: 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_',
}

/** A tenant's own secrets, one for every setting that is generated. */
export function generateSecrets(
  blueprint: Pick<Blueprint, 'settings'>,
  random: Random,
): Record<string, string> {
  const secrets: Record<string, string> = {}
  for (const setting of blueprint.settings) {
    if (!('generate' in setting)) continue
    secrets[setting.name] = generate(ALPHABETS[setting.generate.kind], setting.generate.length, random)
  }
  return secrets
}

/** How each secret that can be changed is told to the app; those that its next start is enough for are left out. */
export function hooksOf({ settings }: Pick<Blueprint, 'settings'>): RotationHook[] {
  return settings.flatMap((setting) =>
    'rotate' in setting && setting.rotate && setting.rotate !== 'restart'
      ? [{ name: setting.name, ...setting.rotate }]
      : [],
  )
}

/** The settings of one tenant. Throws `invalid` naming every setting that has no value or an unfit one. */
export function renderSettings(blueprint: Blueprint, input: SettingsInput): TenantSettings {
  const variables = variablesOf(input)
  const env: Record<string, string> = {}
  const problems: Record<string, string> = {}
  for (const setting of blueprint.settings) {
    const value = settingValue(setting, variables, input)
    const problem = value === undefined ? missing(setting) : unfit(value)
    if (problem) problems[setting.name] = problem
    else env[setting.name] = value!
  }
  if (Object.keys(problems).length > 0) throw invalid(listed(problems), problems)
  return { compose: blueprint.compose, env }
}

/** The same settings for showing: what was generated or is shared is masked. */
export function maskSettings(blueprint: Blueprint, env: Record<string, string>): Record<string, string> {
  const fixed = new Set(blueprint.settings.flatMap((setting) => ('value' in setting ? [setting.name] : [])))
  return Object.fromEntries(
    Object.entries(env).map(([name, value]) => [name, fixed.has(name) || value === '' ? value : MASK]),
  )
}

function variablesOf({ tenant, organization, plan, release }: SettingsInput): Record<string, string> {
  const limits = Object.entries(plan.limits).map(([name, limit]) => [`plan.limits.${name}`, String(limit)])
  return {
    ...Object.fromEntries(limits),
    'tenant.id': tenant.id,
    'tenant.subdomain': tenant.subdomain,
    'tenant.domain': tenant.domain,
    'tenant.url': tenant.url,
    'organization.email': organization.email,
    'plan.key': plan.key,
    release,
  }
}

function settingValue(setting: Setting, variables: Record<string, string>, { secrets, env }: SettingsInput) {
  if ('value' in setting) return fillTemplate(setting.value, variables)
  if ('generate' in setting) return Object.hasOwn(secrets, setting.name) ? secrets[setting.name] : undefined
  return env[setting.from]?.trim() || (setting.required ? undefined : '')
}

function missing(setting: Setting): string {
  return 'from' in setting ? `needs ${setting.from} in Atlas’s environment` : 'has no secret'
}

// The agent keeps one value a line, and no program can be handed a NUL in its environment.
function unfit(value: string): string | null {
  if (/[\r\n\0]/.test(value)) return 'has a line break or a NUL'
  return Buffer.byteLength(value) > VALUE_BYTES_MAX ? `is longer than ${VALUE_BYTES_MAX} bytes` : null
}

function listed(problems: Record<string, string>): string {
  const words = Object.entries(problems).map(([name, problem]) => `${name} ${problem}`)
  return `The tenant’s settings are not complete: ${words.join('; ')}.`
}

// Bytes beyond the last whole multiple are thrown away: a remainder alone would favour the first characters.
function generate(alphabet: string, length: number, random: Random): string {
  const limit = 256 - (256 % alphabet.length)
  let text = ''
  while (text.length < length) {
    for (const byte of random(length)) {
      if (byte < limit && text.length < length) text += alphabet[byte % alphabet.length]
    }
  }
  return text
}
