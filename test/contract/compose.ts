import Ajv from 'ajv'
import addFormats from 'ajv-formats'
import { parse } from 'yaml'
import spec from './specs/schemas/compose-spec.json'

const ajv = new Ajv({ strict: false, allErrors: true, logger: false })
addFormats(ajv)
// The document names draft 7 under https, where Ajv knows it under http.
const { $schema: _, ...schema } = spec
const validate = ajv.compile(schema)

/** What the compose specification has against a compose.yaml. */
export function checkCompose(text: string): string[] {
  if (validate(parse(text))) return []
  return (validate.errors ?? []).map((error) => `${error.instancePath || '/'} ${error.message}`)
}
