import Ajv, { type ValidateFunction } from 'ajv'
import addFormats from 'ajv-formats'
import { parse } from 'yaml'
import debian12 from './specs/schemas/cloud-init.22.4.2-debian12.schema.json'
import current from './specs/schemas/cloud-init.schema-cloud-config-v1.json'

const validators = { 'cloud-init main': compile(current), 'cloud-init 22.4.2': compile(debian12) }

/** What cloud-init's own schemas, today's and Debian 12's, have against a user-data text. */
export function checkCloudInit(userData: string): string[] {
  if (!userData.startsWith('#cloud-config\n')) return ['does not begin with #cloud-config']
  const config: unknown = parse(userData)
  return Object.entries(validators).flatMap(([name, validate]) =>
    validate(config)
      ? []
      : (validate.errors ?? []).map((error) => `${name}: ${error.instancePath || '/'} ${error.message}`),
  )
}

// The schemas say draft 4, but use nothing that draft 7 reads differently; Ajv knows no draft 4.
function compile({ $schema: _, ...schema }: { $schema: string }): ValidateFunction {
  const ajv = new Ajv({ strict: false, allErrors: true, logger: false })
  addFormats(ajv)
  return ajv.compile(schema)
}
