import type { PrimaryIpRow } from '../simulator/hetzner/addresses'
import type { FirewallRow, ServerRow, SnapshotRow, VolumeRow } from '../simulator/hetzner/project'
import type { Machine } from '../simulator/machines/machine'
import type { StoredMail } from '../simulator/resend'
import type { Clouds } from '../simulator/simulator'
import type { Subscription } from '../simulator/stripe/billing'
import type { Session } from '../simulator/stripe/session'

/** Everything that the clouds hold, as they themselves know it. */
export function holdingsOf({ world, route53, s3, machines }: Clouds) {
  return {
    servers: world.table<ServerRow>('hetzner_server').all(),
    addresses: world.table<PrimaryIpRow>('hetzner_primary_ip').all(),
    images: world.table<SnapshotRow>('hetzner_snapshot').all(),
    firewalls: world.table<FirewallRow>('hetzner_firewall').all(),
    volumes: world.table<VolumeRow>('hetzner_volume').all(),
    records: route53.recordSets().filter(({ type }) => type === 'A' || type === 'AAAA'),
    checkouts: world.table<Session>('stripe_sessions').all(),
    subscriptions: world.table<Subscription>('stripe_subscriptions').all(),
    mails: world.table<StoredMail>('resend_email').all(),
    machines: world.table<Machine>('machines').all(),
    apps: machines.list(),
    objects: s3.stored(),
  }
}

export type Holdings = ReturnType<typeof holdingsOf>

/** Whether somebody pays for it, or is asked to. */
export function isLive({ status }: Pick<Subscription, 'status'>): boolean {
  return !['canceled', 'incomplete_expired', 'incomplete'].includes(status)
}
