import * as tables from '../../db/schema'
import { newId } from '../../ids'
import { KEY_BYTES, seal } from '../../secrets'
import { skeletonOf } from '../../signups/subdomain'
import { BACKUP_KEY, secretPlace } from '../../tenants/secrets'
import { dataKeyPlace } from '../../tenants/tenant'
import type { Ground } from './ground'
import type { History } from './history'
import { type Holding, TTL_SECONDS } from './holding'
import type { Pen } from './pen'
import type { Tenancy } from './tenancy'

/** The tenant itself, with its secrets sealed. */
export function writeTenant(
  pen: Pen,
  { services }: Ground,
  tenancy: Tenancy,
  { secrets }: Holding,
  { liveAt }: History,
): void {
  const { ids, lot, approvedAt } = tenancy
  const { random, settings } = services
  const dataKey = random(KEY_BYTES)
  const sealedKey = seal(settings.encryptionKey, dataKey, dataKeyPlace(ids.tenant), random)
  pen.write(tables.tenants, tenantRow(tenancy, sealedKey, liveAt))
  const backupKey = lot.past ? { [BACKUP_KEY]: lot.past.identity } : {}
  for (const [name, value] of Object.entries({ ...secrets, ...backupKey })) {
    const sealed = seal(dataKey, value, secretPlace(ids.tenant, name), random)
    pen.write(tables.secrets, { tenantId: ids.tenant, name, sealed, nextSealed: null, createdAt: approvedAt })
  }
}

function tenantRow(
  { person, lot, ids, approvedAt }: Tenancy,
  dataKey: Buffer,
  liveAt: number,
): typeof tables.tenants.$inferSelect {
  const { blueprint, id: planId } = lot.entry
  const { subdomain } = person
  return {
    id: ids.tenant,
    organizationId: ids.organization,
    signupId: ids.signup,
    planId,
    blueprint: blueprint.name,
    subdomain,
    skeleton: skeletonOf(subdomain),
    release: blueprint.release,
    status: 'active',
    statusReason: null,
    dataKey,
    createdAt: approvedAt,
    activatedAt: liveAt,
    deletedAt: null,
    updatedAt: liveAt,
    suspendedFor: null,
    suspendedAt: null,
    deleteAt: null,
    backupOverdueSince: null,
    releaseId: null,
    releaseSince: liveAt,
    wantedReleaseId: null,
    noReturnReleaseId: null,
    noReturnSince: null,
  }
}

/** The server that it lives on. */
export function writeServer(
  pen: Pen,
  { lot, ids, serverName, approvedAt }: Tenancy,
  { server }: Holding,
): void {
  pen.write(tables.servers, {
    id: ids.server,
    tenantId: ids.tenant,
    role: 'current',
    provider: 'hetzner',
    name: serverName,
    externalId: server.id,
    serverType: lot.serverType,
    location: lot.location,
    image: lot.entry.blueprint.server.image,
    ipv4: server.ipv4,
    ipv6: server.ipv6,
    ipv4Id: server.ipv4Id,
    ipv6Id: server.ipv6Id,
    diskGb: lot.diskGb,
    hostKey: server.hostKey,
    nextHostKey: null,
    createdAt: approvedAt,
    deletedAt: null,
  })
}

/** The record that leads to it. */
export function writeRecord(
  pen: Pen,
  { ids, hostname }: Tenancy,
  { server, changeId }: Holding,
  { liveAt }: History,
): void {
  pen.write(tables.dnsRecords, {
    id: newId('rec', liveAt),
    tenantId: ids.tenant,
    name: hostname,
    type: 'A',
    value: server.ipv4,
    ttlSeconds: TTL_SECONDS,
    changeId,
    createdAt: liveAt,
    deletedAt: null,
  })
}
