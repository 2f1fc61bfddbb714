import { asAtlasError } from '../errors'
import type { Services } from '../services'
import { urlOf } from '../tenants/tenant'
import type { Verdict } from './check'
import type { DueCheck } from './due'
import { record } from './record'

/** A check and what came of it; without a verdict the tenant was not asked. */
export type Asked = DueCheck & { askedAt: number; verdict: Verdict | null }

const AT_ONCE_MAX = 50
const RECORD_AT_ONCE = 50
const TIMEOUT_MS = 5_000

/** Asks the tenants of these checks, some at a time, and records the answers, many in one commit. */
export async function sweep(services: Services, checks: DueCheck[]): Promise<void> {
  const waiting = checks.values()
  let answered: Asked[] = []
  const askOn = async () => {
    for (const check of waiting) {
      const one = await ask(services, check)
      answered.push(one)
      if (answered.length < RECORD_AT_ONCE) continue
      const full = answered
      answered = []
      record(services, full)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE_MAX }, askOn))
  record(services, answered)
}

async function ask(services: Services, check: DueCheck): Promise<Asked> {
  const askedAt = services.clock.now()
  if (check.tenant.status !== 'active' || check.isHeld) return { ...check, askedAt, verdict: null }
  try {
    return { ...check, askedAt, verdict: await probe(services, check) }
  } catch (thrown) {
    services.log.error('a health check broke', thrown, { tenant: check.row.tenantId })
    const reason = asAtlasError(thrown).message
    return { ...check, askedAt, verdict: { ok: false, status: null, reason, tookMs: 0 } }
  }
}

/** Asks the app over the tenant's own name, at its server's address and no other. */
async function probe(services: Services, { tenant, address }: DueCheck): Promise<Verdict> {
  const { catalog, settings } = services
  if (!address) return { ok: false, status: null, reason: 'Its server has no address.', tookMs: 0 }
  const { health } = catalog.blueprint(tenant.blueprint)
  const url = `${urlOf(tenant, settings.tenantDomain)}${health.path}`
  const answer = await services.probe.get({ url, address, timeoutMs: TIMEOUT_MS })
  const { tookMs } = answer
  if (!answer.ok) return { ok: false, status: null, reason: answer.reason, tookMs }
  const { status } = answer
  if (status === health.expectStatus) return { ok: true, status, reason: null, tookMs }
  const reason = `It answers with status ${status} instead of ${health.expectStatus}.`
  return { ok: false, status, reason, tookMs }
}
