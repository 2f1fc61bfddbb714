import { afterAll, describe, expect, test } from 'bun:test'
import { getPlan } from '../../src/catalog/plans'
import { createTenant } from '../../src/lifecycle/new-tenant'
import { getSignup } from '../../src/signups/signup'
import { TENANT_TRANSITIONS, type TenantStatus } from '../../src/tenants/status'
import { getTenant, hostnameOf, moveTenant, serverOf, urlOf } from '../../src/tenants/tenant'
import { openStage } from '../stage'

const stage = openStage()
afterAll(() => stage.close())

describe('a tenant’s names', () => {
  test('follow from its subdomain and the domain, whose port is for development', () => {
    const tenant = { subdomain: 'ada' }
    expect(hostnameOf(tenant, 'sites.example.net')).toBe('ada.sites.example.net')
    expect(urlOf(tenant, 'sites.example.net')).toBe('https://ada.sites.example.net')
    expect(hostnameOf(tenant, 'localhost:4102')).toBe('ada.localhost')
    expect(urlOf(tenant, 'localhost:4102')).toBe('http://ada.localhost:4102')
  })

  test('and its server’s fit where a cloud takes host names', async () => {
    const { tenantId } = await stage.tenant(`a${'b'.repeat(30)}c`, 'long@example.com')
    expect(serverOf(stage.services.db.read, tenantId).name).toMatch(
      /^(?=.{1,63}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?$/,
    )
  })
})

describe('a tenant', () => {
  test('belongs to one signup only, whoever asks', async () => {
    const { signupId } = await stage.tenant('ada-once', 'once@example.com')
    const { db } = stage.services
    const signup = getSignup(db.read, signupId)
    const again = () =>
      db.write((tx) => {
        const input = { ...signup, organizationId: signup.organizationId!, subdomain: 'ada-twice' }
        return createTenant(tx, stage.services, input, getPlan(tx, signup.planId), 0)
      })
    expect(again).toThrow('UNIQUE')
  })

  test('moves as the table says, and otherwise the reason is told', async () => {
    const { tenantId } = await stage.tenant('ada-moves', 'moves@example.com')
    const { db } = stage.services
    const statuses = Object.keys(TENANT_TRANSITIONS) as TenantStatus[]
    for (const from of statuses) {
      for (const to of statuses.filter((other) => other !== from)) {
        const tenant = { ...getTenant(db.read, tenantId), status: from }
        const refused = () => db.write((tx) => moveTenant(tx, tenant, to, 0))
        if (!TENANT_TRANSITIONS[from].includes(to))
          expect(refused).toThrow(`A tenant that is ${from} can't become ${to}.`)
      }
    }
    expect(getTenant(db.read, tenantId).status).toBe('provisioning')
  })

  test('that is not there is not found', () => {
    expect(() => getTenant(stage.services.db.read, 'ten_x')).toThrow('There is no such tenant.')
    expect(() => serverOf(stage.services.db.read, 'ten_x')).toThrow('This tenant has no server.')
  })
})
