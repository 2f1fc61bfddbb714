import type { Clock } from '../clock'
import type { Config } from '../config'
import { createHetzner } from '../providers/hetzner'
import { createProbe } from '../providers/http-probe'
import { createRegistry } from '../providers/oci-registry'
import { createResend } from '../providers/resend'
import { createRoute53, type Route53Settings } from '../providers/route53'
import { createS3 } from '../providers/s3'
import { createMachines } from '../providers/ssh'
import type { Dial } from '../providers/ssh/connection'
import { createStripe } from '../providers/stripe'

/** Other ways to the outside than the network, for clouds that are in the same process. */
export type Ways = { dial?: Dial; requestHandler?: Route53Settings['requestHandler'] }

/** The real client of everything outside, as the configuration says. */
export function makeProviders(config: Config, clock: Clock, { dial, requestHandler }: Ways) {
  const gatewayUrl = config.SERVER_GATEWAY_URL
  return {
    payments: createStripe({
      secretKey: config.STRIPE_SECRET_KEY,
      webhookSecret: config.STRIPE_WEBHOOK_SECRET,
      apiUrl: config.STRIPE_API_URL,
    }),
    cloud: createHetzner({ token: config.HETZNER_API_TOKEN, apiUrl: config.HETZNER_API_URL, clock }),
    dns: createRoute53({
      accessKeyId: config.AWS_ACCESS_KEY_ID,
      secretAccessKey: config.AWS_SECRET_ACCESS_KEY,
      hostedZoneId: config.HOSTED_ZONE_ID,
      apiUrl: config.ROUTE53_API_URL,
      clock,
      requestHandler,
    }),
    mailer: createResend({ apiKey: config.RESEND_API_KEY, apiUrl: config.RESEND_API_URL }),
    machines: createMachines({ privateKey: config.ATLAS_SSH_PRIVATE_KEY, gatewayUrl, dial, clock }),
    probe: createProbe({ gatewayUrl, clock }),
    objects: makeObjects(config, clock),
    registry: createRegistry({ ...registryLogin(config), apiUrl: config.REGISTRY_API_URL, clock }),
  }
}

/** Who reads private images; null when all are public. */
export function registryLogin(config: Config) {
  const { REGISTRY_HOST: host, REGISTRY_USERNAME: username, REGISTRY_PASSWORD: password } = config
  return username && password ? { host, username, password } : null
}

function makeObjects(config: Config, clock: Clock) {
  const { BACKUP_S3_ENDPOINT: endpoint, BACKUP_S3_BUCKET: bucket, BACKUP_S3_REGION: region } = config
  const { BACKUP_S3_ACCESS_KEY: accessKeyId, BACKUP_S3_SECRET_KEY: secretAccessKey } = config
  if (!endpoint || !bucket || !accessKeyId || !secretAccessKey) return null
  return createS3({ endpoint, region, bucket, accessKeyId, secretAccessKey, clock })
}
