import type { DeletionProps } from '../../views/admin/deletion'
import type { EffectView } from '../../views/admin/effects'
import type { HealthProps } from '../../views/admin/health'
import type { OverviewProps } from '../../views/admin/overview'
import type { PlanChangeProps } from '../../views/admin/plan-change'
import type { PreviewView } from '../../views/admin/preview'
import type { RunProps, StepView } from '../../views/admin/run'
import type { RunRow } from '../../views/admin/run-list'
import type { RunsProps } from '../../views/admin/runs'
import type { SignupRow, SignupsProps } from '../../views/admin/signups'
import type { SuspensionProps } from '../../views/admin/suspension'
import type { TenantProps } from '../../views/admin/tenant'
import type { TenantRun } from '../../views/admin/tenant-state'
import type { TenantRow, TenantsProps } from '../../views/admin/tenants'
import type { EntryView, TimelineProps } from '../../views/admin/timeline'
import type { UndoProps } from '../../views/admin/undo'
import type { LandingProps } from '../../views/shop/landing'
import type { PlanView } from '../../views/shop/plan-card'
import type { CheckoutProps } from '../../views/signup/checkout'
import type { SignupFormProps } from '../../views/signup/form'
import type { SignupStage } from '../../views/signup/progress'
import type { SignupSuccessProps } from '../../views/signup/success'
import { tenantBackups } from './samples-backups'

// What the pages are shown with in tests: one full example of every view.

export const NOW = Date.UTC(2026, 10, 22, 12)
const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

const brand = {
  name: 'Virtues',
  tagline: 'A private place to think about who you want to be.',
  supportEmail: 'help@virtues.example',
}
const operator = { email: 'founder@virtues.example', shopName: 'Virtues' }
const price = { amount: 2900, currency: 'usd' }

const starter: PlanView = {
  key: 'starter',
  name: 'Starter',
  amount: 2900,
  currency: 'usd',
  interval: 'month',
  summary: 'For one person and a daily practice.',
  specs: ['3 shared vCPU', '4 GB memory', '80 GB disk', '4 million tokens a month'],
  features: [],
}

const pro: PlanView = {
  key: 'pro',
  name: 'Pro',
  amount: 7900,
  currency: 'usd',
  interval: 'month',
  summary: 'For heavy use, with processors of your own.',
  specs: ['2 dedicated vCPU', '8 GB memory', '80 GB disk', '15 million tokens a month'],
  features: [],
  recommended: true,
}

export const landing: LandingProps = {
  brand,
  description:
    'Virtues is a journal with a patient companion. It asks, listens and remembers, on a server that is yours alone: your words are never mixed with anyone else’s.',
  plans: [starter, pro],
  features: [
    'A server of your own, not a row in a shared database',
    'Your own address with HTTPS',
    'Updates and health checks done for you',
  ],
  domain: 'virtues.example',
  approval: 'manual',
}

export const signupForm: SignupFormProps = {
  brand,
  domain: 'virtues.example',
  plans: [starter, pro],
  values: { subdomain: 'ada', email: 'ada@lovelace.example', plan: 'starter' },
  errors: {},
}

export const signupFormWrong: SignupFormProps = {
  ...signupForm,
  values: { subdomain: 'admin', email: 'ada', plan: '' },
  errors: {
    subdomain: 'This name is kept for the shop itself. Choose another.',
    email: 'Write an address with a name, an @ and a domain.',
    plan: 'Choose a plan.',
  },
  problem: 'Three things need a look',
}

export const checkout: CheckoutProps = {
  brand,
  address: 'ada.virtues.example',
  email: 'ada@lovelace.example',
  plan: starter,
  heldUntil: NOW + 24 * MINUTE,
  now: NOW,
  reason: 'Stripe does not answer right now. Try again in a minute.',
  action: '/signup/checkout',
  changeHref: '/signup?plan=starter',
}

const stages: SignupStage[] = [
  { title: 'Payment received', state: 'done', at: NOW - 2 * MINUTE },
  { title: 'Approved', state: 'done', at: NOW - MINUTE },
  { title: 'Server created', state: 'done', at: NOW - 40 * SECOND },
  {
    title: 'Name pointed',
    state: 'active',
    at: NOW - 12 * SECOND,
    note: 'Name servers usually agree within half a minute.',
  },
  { title: 'App started', state: 'waiting' },
  { title: 'Ready', state: 'waiting' },
]

export const success: SignupSuccessProps = {
  brand,
  eventsUrl: '/signup/success/events?session=cs_1',
  state: 'working',
  startHref: '/signup?plan=starter&subdomain=ada&email=ada%40lovelace.example',
  address: 'ada.virtues.example',
  siteUrl: 'https://ada.virtues.example/',
  email: 'ada@lovelace.example',
  stages,
  now: NOW,
}

export const successLive: SignupSuccessProps = {
  ...success,
  state: 'live',
  stages: stages.map((stage, i) => ({ title: stage.title, state: 'done', at: NOW - (90 - i * 15) * SECOND })),
}

export const successFailed: SignupSuccessProps = {
  ...success,
  state: 'failed',
  stages: stages.map((stage) => (stage.state === 'active' ? { ...stage, state: 'failed' } : stage)),
}

const effect = (over: Partial<EffectView>): EffectView => ({
  id: 'eff_01',
  provider: 'hetzner',
  verb: 'create_server',
  summary: [
    { name: 'name', value: 'atlas-ada' },
    { name: 'server type', value: 'cx33' },
    { name: 'location', value: 'nbg1' },
  ],
  outcome: 'done',
  externalId: '48210733',
  error: null,
  requestedAt: NOW - 90 * SECOND,
  finishedAt: NOW - 89 * SECOND,
  ...over,
})

const effects: EffectView[] = [
  effect({
    verb: 'ensure_firewall',
    summary: [{ name: 'open', value: 'ssh, http, https, ping' }],
    externalId: '912001',
  }),
  effect({ id: 'eff_02' }),
  effect({
    id: 'eff_03',
    provider: 'route53',
    verb: 'upsert',
    summary: [{ name: 'value', value: '203.0.113.7' }],
    outcome: 'unknown',
    externalId: null,
    error: 'The reply was lost after 10 s; the record is looked up before the next try.',
    requestedAt: NOW - 60 * SECOND,
    finishedAt: NOW - 50 * SECOND,
  }),
  effect({
    id: 'eff_04',
    provider: 'ssh',
    verb: 'start',
    summary: [{ name: 'release', value: 'v42' }],
    outcome: 'intended',
    externalId: null,
    requestedAt: NOW - 4 * SECOND,
    finishedAt: null,
  }),
]

const runRow = (over: Partial<RunRow>): RunRow => ({
  id: 'run_01',
  kind: 'provision',
  status: 'running',
  direction: 'forward',
  tenant: { id: 'ten_01', subdomain: 'ada' },
  stepTitle: 'Point the name',
  reason: null,
  createdAt: NOW - 95 * SECOND,
  startedAt: NOW - 92 * SECOND,
  finishedAt: null,
  ...over,
})

const runRows: RunRow[] = [
  runRow({}),
  runRow({
    id: 'run_02',
    tenant: { id: 'ten_02', subdomain: 'grace' },
    status: 'succeeded',
    finishedAt: NOW - 10 * SECOND,
  }),
  runRow({
    id: 'run_03',
    tenant: { id: 'ten_03', subdomain: 'linus' },
    status: 'failed',
    stepTitle: 'Wait for health',
    reason: 'https://linus.virtues.example/health answered 502 for 10 minutes.',
    finishedAt: NOW - 3 * HOUR,
    startedAt: NOW - 3 * HOUR - 11 * MINUTE,
  }),
  runRow({
    id: 'run_04',
    tenant: { id: 'ten_04', subdomain: 'edsger' },
    status: 'cancelled',
    direction: 'undo',
    finishedAt: NOW - 2 * DAY,
    startedAt: NOW - 2 * DAY - MINUTE,
  }),
]

const ailing: HealthProps['ailing'] = [
  {
    tenantId: 'ten_05',
    subdomain: 'barbara',
    state: 'unhealthy',
    reason: 'The server refused the connection: no web server is running on it yet.',
    changedAt: NOW - 12 * MINUTE,
  },
  {
    tenantId: 'ten_06',
    subdomain: 'margaret',
    state: 'failing',
    reason: 'No answer within 5 s.',
    changedAt: NOW - 2 * MINUTE,
  },
]

export const health: HealthProps = {
  operator,
  eventsUrl: '/admin/health/events',
  counts: { healthy: 126, failing: 1, unhealthy: 1, unknown: 0 },
  ailing,
  page: { number: 1, size: 50, total: 2 },
  filter: { q: '', state: '', sort: 'state', dir: 'desc' },
  incidents: [
    {
      id: 'inc_02',
      tenantId: 'ten_05',
      subdomain: 'barbara',
      reason: 'The server refused the connection: no web server is running on it yet.',
      startedAt: NOW - 7 * MINUTE,
      endedAt: null,
    },
    {
      id: 'inc_01',
      tenantId: 'ten_02',
      subdomain: 'grace',
      reason: 'It answers with status 502 instead of 200.',
      startedAt: NOW - 3 * DAY,
      endedAt: NOW - 3 * DAY + 20 * MINUTE,
    },
  ],
  now: NOW,
}

export const overview: OverviewProps = {
  operator,
  eventsUrl: '/admin/events',
  waiting: [
    {
      id: 'sig_01',
      subdomain: 'katherine',
      email: 'katherine@nasa.example',
      planName: 'Pro',
      price: { amount: 7900, currency: 'usd' },
      paidAt: NOW - 4 * MINUTE,
    },
    {
      id: 'sig_02',
      subdomain: 'alan',
      email: 'alan@bletchley.example',
      planName: 'Starter',
      price,
      paidAt: NOW - 2 * HOUR,
    },
  ],
  rollouts: [
    { id: 'rol_01', tag: 'v43', status: 'frozen', reason: 'A way back failed too.', createdAt: NOW },
  ],
  underWay: [{ id: 'rol_02', tag: 'v44', status: 'running', settled: 12, total: 1200, failed: 1 }],
  failedRuns: runRows.filter((run) => run.status === 'failed'),
  troubles: [
    {
      title: 'Stripe’s event checkout.session.completed',
      reason: 'The payment is for another price.',
      at: NOW - 5 * 60_000,
      action: '/admin/events/evt_1',
    },
    {
      title: 'grace has no fresh backup',
      reason: 'A dump failed. The log says why.',
      at: NOW - 60 * 60_000,
      action: null,
      href: '/admin/tenants/ten_2',
    },
  ],
  more: { failedRuns: true, troubles: true, waiting: true },
  health: { counts: { ...health.counts, unhealthy: 3 }, down: ailing.slice(0, 1) },
  room: {
    quotas: [
      { label: 'Servers at Hetzner', used: 81, capacity: 100, checkedAt: NOW - 20 * MINUTE },
      { label: 'Primary IPs at Hetzner', used: 162, capacity: null, checkedAt: NOW - 20 * MINUTE },
    ],
    queue: 2,
  },
  tenants: [
    { status: 'active', count: 128 },
    { status: 'provisioning', count: 1 },
    { status: 'failed', count: 1 },
  ],
  money: {
    monthly: [{ amount: 512400, currency: 'usd' }],
    paidThisMonth: [{ amount: 418850, currency: 'usd' }],
    paymentsThisMonth: 97,
  },
  latestRuns: runRows,
  now: NOW,
}

const signupRow = (over: Partial<SignupRow>): SignupRow => ({
  id: 'sig_01',
  subdomain: 'katherine',
  email: 'katherine@nasa.example',
  planName: 'Pro',
  price: { amount: 7900, currency: 'usd' },
  status: 'paid',
  createdAt: NOW - 6 * MINUTE,
  tenantId: null,
  ...over,
})

export const signups: SignupsProps = {
  operator,
  signups: [
    signupRow({}),
    signupRow({
      id: 'sig_03',
      subdomain: 'ada',
      email: 'ada@lovelace.example',
      planName: 'Starter',
      price,
      status: 'provisioning',
      tenantId: 'ten_01',
    }),
    signupRow({
      id: 'sig_04',
      subdomain: 'barbara',
      email: 'barbara@mit.example',
      status: 'pending',
      createdAt: NOW - 30 * MINUTE,
    }),
    signupRow({
      id: 'sig_05',
      subdomain: 'grace',
      email: 'grace@navy.example',
      status: 'active',
      tenantId: 'ten_02',
      createdAt: NOW - 9 * DAY,
    }),
    signupRow({
      id: 'sig_06',
      subdomain: 'edsger',
      email: 'edsger@thue.example',
      status: 'refunded',
      createdAt: NOW - 3 * DAY,
    }),
  ],
  page: { number: 1, size: 50, total: 5 },
  filter: { q: '', status: '', sort: 'created', dir: 'desc' },
  now: NOW,
}

const NAMES = ['ada', 'grace', 'linus', 'edsger', 'barbara', 'margaret', 'donald', 'radia']
const STATUSES: TenantRow['status'][] = [
  'provisioning',
  'active',
  'failed',
  'deleting',
  'active',
  'suspended',
  'active',
  'active',
]

export const tenants: TenantsProps = {
  operator,
  tenants: NAMES.map((name, i) => ({
    id: `ten_0${i + 1}`,
    subdomain: name,
    ownerEmail: `${name}@example.org`,
    planName: i % 3 === 0 ? 'Starter' : 'Pro',
    status: STATUSES[i] ?? 'active',
    isUnpaid: i === 2,
    release: 'v42',
    createdAt: NOW - i * i * 7 * HOUR - MINUTE,
  })),
  page: { number: 2, size: 8, total: 1234 },
  filter: { q: 'a', status: '', plan: 'pro', sort: 'created', dir: 'desc' },
  plans: [
    { key: 'starter', name: 'Starter' },
    { key: 'pro', name: 'Pro' },
  ],
  now: NOW,
}

export const tenantRun: TenantRun = {
  id: 'run_03',
  kind: 'provision',
  status: 'failed',
  direction: 'forward',
  reason: 'answered 502',
  createdAt: NOW - 12 * MINUTE,
  canRetry: true,
  canUndo: true,
  canCancel: false,
}

const entry = (over: Partial<EntryView>): EntryView => ({
  id: 'eff_01',
  at: NOW - 90 * SECOND,
  kind: 'effect',
  title: 'Hetzner: ensure server',
  detail: 'name atlas-linus, server type cx33. id 48210733',
  link: '/admin/runs/run_03#effect-eff_01',
  severity: 'info',
  actor: null,
  ip: null,
  ...over,
})

const entries: EntryView[] = [
  entry({
    id: 'inc_01:begun',
    at: NOW - 8 * MINUTE,
    kind: 'probe',
    title: 'Down: two health checks in a row failed',
    detail: 'It answers with status 502 instead of 200.',
    link: null,
    severity: 'bad',
  }),
  entry({ at: NOW - 2 * HOUR, title: 'Hetzner: ensure server (outcome unknown)', severity: 'warning' }),
  entry({
    id: 'aud_01',
    at: NOW - 3 * HOUR,
    kind: 'action',
    title: 'Run retried',
    detail: null,
    actor: 'founder@virtues.example',
    ip: '203.0.113.7',
  }),
  entry({
    id: 'evt_1',
    at: NOW - 9 * DAY,
    kind: 'event',
    title: 'Stripe says: invoice paid',
    detail: 'in_1QabcXYZ',
    link: null,
    severity: 'good',
  }),
]

export const timeline: TimelineProps = {
  operator,
  tenant: { id: 'ten_03', subdomain: 'linus' },
  entries,
  next: '1795349100000.evt_1',
  filter: { kind: '', q: '', before: '' },
  fullSince: null,
  now: NOW,
}

export const tenant: TenantProps = {
  operator,
  eventsUrl: '/admin/tenants/ten_03/events',
  id: 'ten_03',
  subdomain: 'linus',
  url: 'https://linus.virtues.example/',
  status: 'failed',
  statusReason: 'https://linus.virtues.example/health answered 502 for 10 minutes.',
  organization: { id: 'org_01', name: 'Linus' },
  ownerEmail: 'linus@helsinki.example',
  plan: { name: 'Starter', price, interval: 'month' },
  blueprint: 'virtues',
  release: 'v42',
  releaseSince: NOW - 90 * MINUTE,
  wanted: { tag: 'v43', rolloutId: 'rol_01', reason: 'Its app does not answer.' },
  tags: ['beta', 'early'],
  server: {
    name: 'atlas-linus',
    externalId: '48210733',
    serverType: 'cx33',
    location: 'nbg1',
    ipv4: '203.0.113.7',
    ipv6: '2001:db8::7',
  },
  dns: [{ name: 'linus.virtues.example', type: 'A', value: '203.0.113.7' }],
  subscription: { stripeId: 'sub_1QabcXYZ', status: 'active', currentPeriodEnd: NOW + 26 * DAY },
  suspendedFor: null,
  suspendedAt: null,
  heldBy: null,
  noReturn: null,
  debt: null,
  deleteAt: null,
  run: tenantRun,
  timeline: entries,
  backups: tenantBackups,
  health: {
    check: {
      state: 'unhealthy',
      reason: 'It answers with status 502 instead of 200.',
      tookMs: 41,
      dueAt: NOW + 2 * MINUTE,
      checkedAt: NOW - 3 * MINUTE,
      changedAt: NOW - 13 * MINUTE,
    },
    incidents: health.incidents,
  },
  createdAt: NOW - 4 * HOUR,
  now: NOW,
}

const preview: PreviewView = {
  direction: 'forward',
  steps: [
    {
      name: 'create-server',
      title: 'Create the server',
      says: 'Finds the server by its name, or creates it.',
      known: [
        {
          provider: 'hetzner',
          verb: 'ensureServer',
          key: 'linus-1',
          outcome: 'unknown',
          externalId: null,
          error: 'The reply was lost.',
          requestedAt: NOW - 3 * HOUR,
        },
        {
          provider: 'hetzner',
          verb: 'ensureFirewall',
          key: 'atlas-1',
          outcome: 'done',
          externalId: '912001',
          error: null,
          requestedAt: NOW - 3 * HOUR,
        },
      ],
    },
    { name: 'start-app', title: 'Start the app', says: '', known: [] },
  ],
}

const step = (over: Partial<StepView>): StepView => ({
  name: 'create-server',
  title: 'Create the server',
  status: 'succeeded',
  attempts: 1,
  reason: null,
  skipped: null,
  startedAt: NOW - 92 * SECOND,
  finishedAt: NOW - 70 * SECOND,
  effects: [],
  ...over,
})

export const run: RunProps = {
  operator,
  eventsUrl: '/admin/runs/run_01/events',
  id: 'run_01',
  kind: 'provision',
  status: 'waiting',
  direction: 'forward',
  tenant: { id: 'ten_01', subdomain: 'ada' },
  deploy: null,
  reason: null,
  errorCode: null,
  steps: [
    step({
      name: 'secrets',
      title: 'Make the secrets',
      startedAt: NOW - 92 * SECOND,
      finishedAt: NOW - 91.9 * SECOND,
    }),
    step({ effects: effects.slice(0, 2) }),
    step({
      name: 'host-key',
      title: 'Verify and rotate the host key',
      startedAt: NOW - 70 * SECOND,
      finishedAt: NOW - 61 * SECOND,
    }),
    step({
      name: 'dns',
      title: 'Point the name',
      status: 'waiting',
      attempts: 3,
      reason: 'Route 53 is carrying the change to its name servers',
      startedAt: NOW - 60 * SECOND,
      finishedAt: null,
      effects: effects.slice(2, 3),
    }),
    step({
      name: 'settings',
      title: 'Deliver the settings',
      status: 'pending',
      attempts: 0,
      startedAt: null,
      finishedAt: null,
    }),
    step({
      name: 'start',
      title: 'Start the app',
      status: 'pending',
      attempts: 0,
      startedAt: null,
      finishedAt: null,
    }),
    step({
      name: 'health',
      title: 'Wait for health',
      status: 'pending',
      attempts: 0,
      startedAt: null,
      finishedAt: null,
    }),
  ],
  log: [
    { at: NOW - 70 * SECOND, step: 'create-server', line: 'cloud-init: finished in 24.1 s' },
    { at: NOW - 62 * SECOND, step: 'host-key', line: 'new host key is active' },
  ],
  createdAt: NOW - 95 * SECOND,
  startedAt: NOW - 92 * SECOND,
  finishedAt: null,
  availableAt: NOW + 4 * SECOND,
  usualMs: 150 * SECOND,
  canRetry: false,
  preview: null,
  canUndo: false,
  canCancel: true,
  cancelRequestedAt: null,
  now: NOW,
}

export const runFailed: RunProps = {
  ...run,
  status: 'failed',
  reason: 'Hetzner has no room for cx33 in nbg1 right now.',
  errorCode: 'unavailable',
  steps: run.steps.map((one) =>
    one.name === 'dns' ? { ...one, status: 'failed' as const, reason: 'The zone is gone.' } : one,
  ),
  finishedAt: NOW - 2 * SECOND,
  canRetry: true,
  preview,
  canUndo: true,
  canCancel: false,
}

export const runDeploy: RunProps = {
  ...run,
  kind: 'deploy',
  status: 'succeeded',
  deploy: { release: 'v43', former: 'v42', rolloutId: 'rol_01' },
  steps: [step({ skipped: 'The release does not ask for it.' })],
  finishedAt: NOW,
  canCancel: false,
}

export const runs: RunsProps = {
  operator,
  runs: runRows,
  page: { number: 1, size: 50, total: 4 },
  filter: { q: '', status: '', kind: '', sort: 'begun', dir: 'desc' },
  now: NOW,
}

export const undo: UndoProps = {
  operator,
  run: { id: 'run_03', kind: 'provision' },
  tenant: { id: 'ten_03', subdomain: 'linus' },
  preview: {
    direction: 'undo',
    steps: preview.steps.map((one) => ({ ...one, says: 'Deletes the server and everything on it.' })),
  },
  now: NOW,
  losses: [
    'The server atlas-linus (id 48210733) with everything on it',
    'The record linus.virtues.example',
    'The generated secrets',
  ],
  value: 'linux',
  error: 'This is not the name. Type linus.',
}

export const suspension: SuspensionProps = {
  operator,
  tenant: { id: 'ten_03', subdomain: 'linus', ownerEmail: 'linus@helsinki.example' },
  hasHoldingPage: true,
}

export const planChange: PlanChangeProps = {
  operator,
  tenant: {
    id: 'ten_03',
    subdomain: 'linus',
    ownerEmail: 'linus@helsinki.example',
    planName: 'Starter',
    serverType: 'cx33',
  },
  options: [
    {
      id: 'virtues/pro',
      name: 'Pro',
      price: { amount: 7900, currency: 'usd' },
      interval: 'month',
      obstacle: null,
      serverType: 'ccx13',
      isOtherType: true,
      minutes: 4,
    },
    {
      id: 'virtues/mini',
      name: 'Mini',
      price: { amount: 900, currency: 'usd' },
      interval: 'month',
      obstacle: 'cx23, which Mini takes, has a disk of 40 GB, and the server’s has 80 GB.',
      serverType: '',
      isOtherType: false,
      minutes: 0,
    },
  ],
}

export const deletion: DeletionProps = {
  operator,
  tenant: { id: 'ten_03', subdomain: 'linus', ownerEmail: 'linus@helsinki.example' },
  losses: [
    'The server atlas-linus (203.0.113.7) and everything on it',
    'The name linus.virtues.example',
    'The secrets that were made for this tenant',
  ],
  backupDays: 30,
  lately: null,
  values: { days: '7', withImage: true, confirmation: '' },
  errors: {},
}
