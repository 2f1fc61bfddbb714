import { countTry, networkOf } from '../accounts/rate-limit'
import { startCheckout } from '../checkouts/start'
import { conflict } from '../errors'
import { approveSignup } from '../lifecycle/approve'
import { signupToken } from '../signups/link'
import { listTenants } from '../tenants/list'
import { tenantFilter, wanted } from './admin'
import { json } from './answer'
import { openApi } from './openapi'
import { readJson, requiredField, textField } from './request'
import { routes } from './route'
import { tenantFacts } from './tenants'

/** The API for programs: the shop's signup, and the operator's verbs. */
export const apiRoutes = routes(
  {
    method: 'POST',
    path: '/api/signup',
    policy: 'public',
    handle: async ({ services, request, visitor, actor }) => {
      const { db, clock, settings } = services
      const body = await readJson(request)
      countTry(db, { key: `signup:${networkOf(visitor.ip)}`, max: 30, windowMs: 3_600_000 }, clock.now())
      const input = {
        subdomain: textField(body, 'subdomain'),
        email: textField(body, 'email'),
        plan: textField(body, 'plan'),
      }
      const { signupId, url, problem } = await startCheckout(services, input, actor)
      if (!url) throw problem ?? conflict('This signup is paid already.')
      const token = encodeURIComponent(signupToken(settings.authSecret, signupId))
      const statusUrl = `${settings.baseUrl}/signup/success?signup=${token}`
      return json({ signup_id: signupId, checkout_url: url, status_url: statusUrl }, 201)
    },
  },
  {
    method: 'POST',
    path: '/api/admin/provision',
    policy: 'operator_api',
    handle: async ({ services, request, actor }) => {
      const { db, clock } = services
      const signupId = requiredField(await readJson(request), 'signup_id')
      const { tenantId, runId } = db.write((tx) => approveSignup(tx, services, signupId, actor, clock.now()))
      return json({ tenant_id: tenantId, run_id: runId }, 202)
    },
  },
  {
    method: 'GET',
    path: '/api/admin/tenants',
    policy: 'operator_api',
    handle: (call) => {
      const { services } = call
      const { rows, ...page } = listTenants(services.db.read, tenantFilter(call), wanted(call))
      const tenants = rows.map((row) => tenantFacts(services, row))
      return json({ tenants, page: page.number, per_page: page.size, total: page.total })
    },
  },
  {
    method: 'GET',
    path: '/api/openapi.json',
    policy: 'public',
    handle: ({ services }) => json(openApi(services.settings.baseUrl)),
  },
)
