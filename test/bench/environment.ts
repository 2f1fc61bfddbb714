import { utils } from 'ssh2'

/** Everything that `atlas serve` needs to start, made up: a start reaches nothing outside. */
export function completeEnvironment(port: number, dataDir: string): Record<string, string> {
  return {
    ADMIN_EMAIL: 'operator@example.com',
    BASE_URL: `http://127.0.0.1:${port}`,
    TENANT_DOMAIN: 'sites.example.net',
    PORT: String(port),
    DATA_DIR: dataDir,
    AUTH_SECRET: 'bench'.repeat(8),
    ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64'),
    HETZNER_API_TOKEN: 'bench-token',
    ATLAS_SSH_KEY_ID: 'atlas',
    ATLAS_SSH_PRIVATE_KEY: newPrivateKey(),
    AWS_ACCESS_KEY_ID: 'AKIABENCH',
    AWS_SECRET_ACCESS_KEY: 'bench-secret',
    HOSTED_ZONE_ID: 'Z0123456789ABC',
    STRIPE_SECRET_KEY: 'sk_test_bench',
    STRIPE_WEBHOOK_SECRET: 'whsec_bench',
    STRIPE_PRICE_STARTER: 'price_starter',
    STRIPE_PRICE_PRO: 'price_pro',
    RESEND_API_KEY: 're_bench',
    EMAIL_FROM: 'Atlas <hello@example.com>',
    GHCR_REPO: 'ghcr.io/example/virtues',
    GOOGLE_API_KEY: 'bench-google',
    AI_GATEWAY_API_KEY: 'bench-gateway',
    S3_ENDPOINT: 'https://s3.example.com',
    S3_BUCKET: 'bench',
    S3_ACCESS_KEY: 'bench-access',
    S3_SECRET_KEY: 'bench-secret',
  }
}

// ssh2 makes an ed25519 key that does not parse now and then.
function newPrivateKey(): string {
  for (let tries = 0; tries < 20; tries++) {
    const key = utils.generateKeyPairSync('ed25519').private
    if (!(utils.parseKey(key) instanceof Error)) return key
  }
  throw new Error('no SSH key could be made')
}
