import { cookieName } from './cookie'
import { backupPaths } from './openapi/backups'
import { deletionPaths } from './openapi/deletion'
import { deploymentPaths } from './openapi/deployment'
import { driftPaths, FINDING } from './openapi/drift'
import { movePaths } from './openapi/move'
import { planChangePaths } from './openapi/plan-change'
import { ROLLOUT, rolloutPaths } from './openapi/rollouts'
import { RUN, runPaths } from './openapi/runs'
import { secretRotationPaths } from './openapi/secret-rotation'
import { signupPaths } from './openapi/signups'
import { suspensionPaths } from './openapi/suspension'
import { TENANT, tenantPaths } from './openapi/tenants'
import { timelinePaths } from './openapi/timeline'
import { object, text } from './openapi/words'

/** What can be asked, a file a noun. */
const PATHS = {
  ...signupPaths,
  ...tenantPaths,
  ...suspensionPaths,
  ...planChangePaths,
  ...backupPaths,
  ...movePaths,
  ...deploymentPaths,
  ...secretRotationPaths,
  ...deletionPaths,
  ...runPaths,
  ...rolloutPaths,
  ...driftPaths,
  ...timelinePaths,
}

/** The API's description as an OpenAPI 3.1 document. */
export function openApi(baseUrl: string) {
  return {
    openapi: '3.1.0',
    info: { title: 'Atlas', version: '1', description: 'Signups, tenants and their lives.' },
    servers: [{ url: baseUrl }],
    security: [{ token: [] }, { session: [] }],
    paths: PATHS,
    components: {
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', description: 'Made by `atlas token create`.' },
        session: { type: 'apiKey', in: 'cookie', name: cookieName('session', baseUrl) },
      },
      schemas: {
        Tenant: TENANT,
        Run: RUN,
        Rollout: ROLLOUT,
        Finding: FINDING,
        Error: object({
          error: object(
            {
              code: text('One of few; see the README.'),
              message: text('What is wrong, in words.'),
              fields: { type: 'object', additionalProperties: { type: 'string' } },
            },
            ['code', 'message'],
          ),
        }),
      },
    },
  }
}
