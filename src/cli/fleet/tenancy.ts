import { newId } from '../../ids'
import type { Services } from '../../services'
import { hostnameOf, serverNameOf, urlOf } from '../../tenants/tenant'
import type { Lot } from './ground'
import type { Person } from './people'

/** When a customer did what, in UTC milliseconds. */
export type Times = { signedUpAt: number; paidAt: number; approvedAt: number }

/** A customer of the past and their tenant, under the ids that Atlas would have given them at those times. */
export type Tenancy = Times & {
  person: Person
  lot: Lot
  ids: Record<'signup' | 'organization' | 'user' | 'tenant' | 'server' | 'run', string>
  hostname: string
  url: string
  serverName: string
}

/** Who has which site, under ids as old as what they name. */
export function tenancyOf({ random, settings }: Services, person: Person, lot: Lot, times: Times): Tenancy {
  const { signedUpAt, paidAt, approvedAt } = times
  const ids = {
    signup: newId('sig', signedUpAt, random),
    organization: newId('org', paidAt, random),
    user: newId('usr', paidAt, random),
    tenant: newId('ten', approvedAt, random),
    server: newId('srv', approvedAt, random),
    run: newId('run', approvedAt, random),
  }
  return {
    ...times,
    person,
    lot,
    ids,
    hostname: hostnameOf(person, settings.tenantDomain),
    url: urlOf(person, settings.tenantDomain),
    serverName: serverNameOf(person.subdomain, ids.server),
  }
}
