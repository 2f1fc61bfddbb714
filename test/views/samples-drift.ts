import type { DriftProps } from '../../views/admin/drift'
import type { ConfirmAllProps, ConfirmFindingProps } from '../../views/admin/drift-confirm'
import type { FindingView } from '../../views/admin/drift-findings'

// What the pages of drift are shown with in tests.

const NOW = Date.UTC(2026, 10, 22, 12)
const MINUTE = 60_000
const operator = { email: 'founder@virtues.example', shopName: 'Virtues', openFindings: 4 }

const finding = (over: Partial<FindingView>): FindingView => ({
  id: 'fnd_01',
  label: 'Unknown servers',
  title: 'Server ada-x1y2z3 has this Atlas’s label, and belongs to no tenant',
  would: 'Delete ada-x1y2z3 and everything on it.',
  tenant: null,
  cost: { amount: 349, currency: 'eur' },
  hasUnknownPrice: false,
  appliance: 'asked',
  deed: null,
  button: 'Delete the server',
  status: 'open',
  sightings: 3,
  firstSeenAt: NOW - 130 * MINUTE,
  error: null,
  resolved: null,
  ...over,
})

const findings: FindingView[] = [
  finding({}),
  finding({
    id: 'fnd_02',
    label: 'Names without a record',
    title: 'ada.virtues.example leads nowhere: its record is missing',
    would: 'Point ada.virtues.example to 203.0.113.7, its tenant’s server.',
    tenant: { id: 'ten_01', subdomain: 'ada' },
    cost: null,
    appliance: 'now',
    button: 'Point the name back',
    sightings: 1,
    error: 'The answer of Route 53 was lost or came too late.',
  }),
  finding({
    id: 'fnd_03',
    label: 'Addresses without a server',
    title: 'Address 203.0.113.9, once grace’s, belongs to no server and is paid for',
    would: 'Give 203.0.113.9 back to Hetzner, once no record leads to it.',
    cost: null,
    hasUnknownPrice: true,
    appliance: { after: NOW + 20 * MINUTE },
    button: 'Give the address back',
  }),
  finding({ id: 'fnd_04', label: 'Prices that differ', appliance: 'by_hand', cost: null }),
  finding({
    id: 'fnd_05',
    label: 'Tenants whose server is gone',
    title: 'ada has no server: ada-x1y2z3 is gone at Hetzner',
    appliance: 'by_hand',
    deed: { href: '/admin/tenants/ten_01/move', label: 'Move to a new server' },
  }),
]

export const drift: DriftProps = {
  operator,
  eventsUrl: '/admin/drift/events',
  look: {
    status: 'complete',
    startedAt: NOW - 8 * MINUTE,
    finishedAt: NOW - 7 * MINUTE,
    seen: ['1,200 servers', '2,400 addresses', '1 image', '1,203 records'],
    unlisted: [],
    mended: 2,
    error: null,
  },
  findings,
  page: { number: 1, size: 50, total: 204 },
  filter: { q: '', status: 'open', kind: '', sort: 'urgency', dir: 'asc' },
  kinds: [
    { kind: 'server_unknown', label: 'Unknown servers', count: 200 },
    { kind: 'record_missing', label: 'Names without a record', count: 4 },
  ],
  open: 204,
  ignored: 1,
  cost: { known: [{ amount: 69_800, currency: 'eur' }], unknown: 1 },
  applicable: 201,
  now: NOW,
}

export const driftCalm: DriftProps = {
  ...drift,
  operator: { ...operator, openFindings: 0 },
  findings: [],
  kinds: [],
  page: { number: 1, size: 50, total: 0 },
  open: 0,
  ignored: 0,
  cost: { known: [], unknown: 0 },
  applicable: 0,
}

export const driftLooking: DriftProps = {
  ...driftCalm,
  look: {
    status: 'running',
    startedAt: NOW - MINUTE,
    finishedAt: null,
    seen: ['12 servers'],
    unlisted: [],
    mended: 0,
    error: null,
  },
}

export const driftFailed: DriftProps = {
  ...drift,
  look: {
    status: 'failed',
    startedAt: NOW - MINUTE,
    finishedAt: NOW,
    seen: [],
    unlisted: [],
    mended: 0,
    error: 'Stripe cannot be reached.',
  },
}

export const driftUnlisted: DriftProps = {
  ...drift,
  look: {
    status: 'complete',
    startedAt: NOW - MINUTE,
    finishedAt: NOW,
    seen: ['12 servers'],
    unlisted: [
      { source: 'Stripe', error: 'Stripe cannot be reached.', since: NOW - 70 * MINUTE },
      { source: 'The backup storage', error: 'The backup storage cannot be reached.', since: NOW - MINUTE },
    ],
    mended: 0,
    error: null,
  },
}

export const driftResolved: DriftProps = {
  ...drift,
  filter: { q: '', status: 'resolved', kind: 'server_unknown', sort: 'resolved', dir: 'desc' },
  findings: [
    finding({
      status: 'resolved',
      appliance: 'by_hand',
      resolved: { by: 'Not seen any more', at: NOW - MINUTE },
    }),
  ],
}

export const confirmFinding: ConfirmFindingProps = {
  operator,
  finding: finding({}),
  name: 'ada-x1y2z3',
  value: 'ada',
  error: 'Type ada-x1y2z3 to make sure that this is the one.',
}

export const confirmAll: ConfirmAllProps = {
  operator,
  deletes: ['Server ada-x1y2z3 belongs to no tenant. Delete it and everything on it.'],
  others: ['ada.virtues.example leads nowhere. Point it to 203.0.113.7.'],
  phrase: 'delete 1',
}
