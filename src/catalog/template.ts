/** What a setting's value may refer to, besides `plan.limits.<name>`. */
export const SETTING_VARIABLES = [
  'tenant.id',
  'tenant.subdomain',
  'tenant.domain',
  'tenant.url',
  'organization.email',
  'plan.key',
  'release',
]

const PLACEHOLDER = /\{\{\s*([a-z][a-z0-9_.]*)\s*\}\}/g

/** Words for every `{{...}}` that is not one of the allowed variables. */
export function checkTemplate(template: string, allowed: string[]): string[] {
  const unknown = placeholdersOf(template).filter((name) => !allowed.includes(name))
  const problems = unknown.map((name) => `refers to {{${name}}}, which is not known here`)
  if (template.replace(PLACEHOLDER, '').includes('{{')) problems.push('has a {{ that begins no variable')
  return problems
}

/** The names of the variables in a template, in their order. */
export function placeholdersOf(template: string): string[] {
  return [...template.matchAll(PLACEHOLDER)].map((match) => match[1]!)
}

/** Puts values in place of `{{name}}`, once: what a value itself holds is never read as a template. */
export function fillTemplate(template: string, values: Record<string, string>): string {
  return template.replace(PLACEHOLDER, (written, name: string) =>
    Object.hasOwn(values, name) ? values[name]! : written,
  )
}
