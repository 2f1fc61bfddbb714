import { and, eq } from 'drizzle-orm'
import { effects, secrets } from '../../src/db/schema'
import { FIRST_HOST_KEY } from '../../src/provisioning/prepare'
import { getSignup } from '../../src/signups/signup'
import type { Command, Machine } from '../../src/simulator/machines/machine'
import type { StoredMail } from '../../src/simulator/resend'
import { getTenant, type ServerRow, serverOf } from '../../src/tenants/tenant'
import type { Estate } from '../estate'

/** What is there when a signup has been provisioned once and well. */
export const EXACTLY_ONE = {
  run: 'succeeded',
  tenant: 'active',
  signup: 'active',
  servers: 1,
  firewalls: 1,
  records: 1,
  commands: ['host-key', 'host-key', 'settings', 'start'],
  app: 'running',
  hostKey: 'pinned',
  firstHostKeys: 0,
  welcomes: 1,
  notices: 1,
  unsettledEffects: 0,
}

/** What is there when it has been undone: nothing but the firewall that all tenants share. */
export const NOTHING = {
  ...EXACTLY_ONE,
  run: 'cancelled',
  tenant: 'deleted',
  signup: 'paid',
  servers: 0,
  records: 0,
  commands: [],
  app: 'none',
  hostKey: 'none',
  welcomes: 0,
  notices: 2,
}

/** Counts everything that Atlas and the clouds hold of the estate's customer. */
export function census(estate: Estate): typeof EXACTLY_ONE {
  const { db, tenantId } = estate
  const tenant = getTenant(db.read, tenantId)
  const firstHostKey = and(eq(secrets.tenantId, tenantId), eq(secrets.name, FIRST_HOST_KEY))
  return {
    run: estate.run.status,
    tenant: tenant.status,
    signup: getSignup(db.read, tenant.signupId ?? '').status,
    ...censusOfClouds(estate, serverOf(db.read, tenantId)),
    firstHostKeys: db.read.select().from(secrets).where(firstHostKey).all().length,
    unsettledEffects: db.read.select().from(effects).where(eq(effects.outcome, 'intended')).all().length,
  }
}

function censusOfClouds({ clouds, customer }: Estate, server: ServerRow) {
  const { world } = clouds
  const machines = world.table<Machine>('machines').all()
  const machine = machines.find(({ id }) => id === server.externalId)
  const records = clouds.route53.recordSets().filter(({ type }) => type === 'A')
  const mails = world.table<StoredMail>('resend_email').all()
  const app = clouds.machines.list().find(({ ipv4 }) => ipv4 === records[0]?.values.join())?.app.state
  const isPinned = server.hostKey === machine?.hostKey.publicKey && server.nextHostKey === null
  return {
    servers: world.table('hetzner_server').all().length,
    firewalls: world.table('hetzner_firewall').all().length,
    records: records.length,
    commands: machines.flatMap(({ commands }) => commands.map(verbOf)).sort(),
    app: app ?? 'none',
    hostKey: machine ? (isPinned ? 'pinned' : 'lost') : 'none',
    welcomes: mails.filter(({ to }) => to.includes(customer.email)).length,
    notices: mails.filter(({ to }) => !to.includes(customer.email)).length,
  }
}

const verbOf = ({ request }: Command) => request.split(' ')[0] ?? ''
