import { adminRoutes } from './routes/admin'
import { apiRoutes } from './routes/api'
import { assetRoutes } from './routes/assets'
import { backupKeyRoutes } from './routes/backup-key'
import { backupRoutes } from './routes/backups'
import { deletionRoutes } from './routes/deletion'
import { deploymentRoutes } from './routes/deployment'
import { driftRoutes } from './routes/drift'
import { driftApiRoutes } from './routes/drift-api'
import { githubRoutes } from './routes/github'
import { healthRoutes } from './routes/health'
import { loginRoutes } from './routes/login'
import { moveRoutes } from './routes/move'
import { planChangeRoutes } from './routes/plan-change'
import { quotaRoutes } from './routes/quotas'
import { releaseRoutes } from './routes/releases'
import { rolloutRoutes } from './routes/rollouts'
import { rolloutApiRoutes } from './routes/rollouts-api'
import type { Route } from './routes/route'
import { runRoutes } from './routes/runs'
import { secretRotationRoutes } from './routes/secret-rotation'
import { shopRoutes } from './routes/shop'
import { signupRoutes } from './routes/signups'
import { suspensionRoutes } from './routes/suspension'
import { tagRoutes } from './routes/tags'
import { tenantRoutes } from './routes/tenants'
import { timelineRoutes } from './routes/timeline'
import { troubleRoutes } from './routes/troubles'
import { undoRoutes } from './routes/undo'
import { webhookRoutes } from './routes/webhooks'

/** Every route of Atlas. */
export const ROUTES: readonly Route[] = [
  ...assetRoutes,
  ...shopRoutes,
  ...signupRoutes,
  ...loginRoutes,
  ...adminRoutes,
  ...tenantRoutes,
  ...tagRoutes,
  ...suspensionRoutes,
  ...planChangeRoutes,
  ...backupRoutes,
  ...backupKeyRoutes,
  ...moveRoutes,
  ...deploymentRoutes,
  ...secretRotationRoutes,
  ...deletionRoutes,
  ...runRoutes,
  ...undoRoutes,
  ...releaseRoutes,
  ...rolloutRoutes,
  ...rolloutApiRoutes,
  ...troubleRoutes,
  ...driftRoutes,
  ...driftApiRoutes,
  ...quotaRoutes,
  ...healthRoutes,
  ...timelineRoutes,
  ...apiRoutes,
  ...webhookRoutes,
  ...githubRoutes,
]
