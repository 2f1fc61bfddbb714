import type { DeployForm, DeployProps } from '../../views/admin/deploy'
import type { PlanView } from '../../views/admin/deploy-plan'
import type { DeploymentProps } from '../../views/admin/deployment'
import type { ReleasesProps } from '../../views/admin/releases'
import type { RolloutProps } from '../../views/admin/rollout'
import type { RolloutConfirmProps } from '../../views/admin/rollout-confirm'
import type { TargetRow, TargetsProps } from '../../views/admin/rollout-targets'
import type { WaveView } from '../../views/admin/rollout-waves'
import type { TargetCounts, TargetState } from '../../views/admin/rollout-words'
import type { RolloutRow, RolloutsProps } from '../../views/admin/rollouts'

// What the pages of releases and rollouts are shown with in tests.

const NOW = Date.UTC(2026, 10, 22, 12)
const MINUTE = 60_000
const operator = { email: 'founder@virtues.example', shopName: 'Virtues', openFindings: 0 }

const none: TargetCounts = {
  waiting: 0,
  deploying: 0,
  succeeded: 0,
  failed: 0,
  skipped: 0,
  set_aside: 0,
  going_back: 0,
  back: 0,
  stuck: 0,
}
const image = { image: 'ghcr.io/example/virtues:v43', digest: `sha256:${'4'.repeat(64)}` }

const wave = (over: Partial<WaveView>): WaveView => ({
  number: 0,
  size: 1,
  counts: { ...none, succeeded: 1 },
  failed: 0,
  state: 'done',
  bakesUntil: null,
  remainingMs: null,
  ...over,
})

const STATES: TargetState[] = [
  'succeeded',
  'failed',
  'deploying',
  'waiting',
  'skipped',
  'set_aside',
  'going_back',
  'back',
  'stuck',
]
export const rollout: RolloutProps = {
  operator,
  eventsUrl: '/admin/rollouts/rol_01/events?since=1',
  id: 'rol_01',
  blueprint: 'virtues',
  tag: 'v43',
  notes: 'Faster search.',
  migration: 'expand',
  backup: true,
  status: 'running',
  reason: null,
  by: 'founder@virtues.example',
  createdAt: NOW - 30 * MINUTE,
  finishedAt: null,
  wave: 1,
  waves: [
    wave({}),
    wave({
      number: 1,
      size: 9,
      state: 'active',
      counts: { ...none, waiting: 5, deploying: 2, succeeded: 1, failed: 1 },
      failed: 1,
      remainingMs: 4 * MINUTE,
    }),
    wave({
      number: 2,
      size: 190,
      state: 'waiting',
      counts: { ...none, waiting: 190 },
      remainingMs: 40 * MINUTE,
    }),
  ],
  fleet: {
    squares: [
      [{ from: 0, names: ['ada'], states: ['succeeded'] }],
      [{ from: 1, names: STATES.map((_, at) => `tenant-${at}`), states: STATES }],
    ],
  },
  counts: { ...none, waiting: 195, deploying: 2, succeeded: 2, failed: 1, set_aside: 3 },
  total: 203,
  failed: 1,
  stopAt: 4,
  concurrency: 10,
  bakesUntil: null,
  remainingMs: 55 * MINUTE,
  failures: [
    {
      part: 'health',
      reason: 'It did not answer three times in a row within 10 minutes.',
      count: 12,
      tenants: [
        { id: 'ten_01', subdomain: 'ada', runId: 'run_01' },
        { id: 'ten_02', subdomain: 'grace', runId: null },
      ],
    },
    {
      part: null,
      reason: 'Nobody knows.',
      count: 1,
      tenants: [{ id: 'ten_03', subdomain: 'linus', runId: 'run_03' }],
    },
  ],
  setAside: [{ reason: 'It is suspended.', count: 3 }],
  can: { hold: true, resume: false, abort: true, goBack: true },
  now: NOW,
}

export const rolloutLarge: RolloutProps = {
  ...rollout,
  fleet: {
    tiles: [
      [{ from: 0, states: ['succeeded'], page: 1 }],
      [{ from: 1, states: Array.from({ length: 100 }, (_, at) => STATES[at % STATES.length]!), page: 1 }],
      [{ from: 101, states: Array.from({ length: 100 }, () => 'waiting' as const), page: 3 }],
    ],
  },
}

export const rolloutBaking: RolloutProps = {
  ...rollout,
  waves: [wave({ state: 'baking', bakesUntil: NOW + 7 * MINUTE })],
  fleet: { squares: [[]] },
  bakesUntil: NOW + 7 * MINUTE,
  wave: 0,
  failures: [],
  setAside: [],
}

export const rolloutFrozen: RolloutProps = {
  ...rollout,
  status: 'frozen',
  reason: 'The way back of 1 tenant failed too. Nobody else is touched until you have looked.',
  can: { hold: false, resume: true, abort: true, goBack: true },
  problem: 'This rollout is frozen. It can’t be held.',
}

export const rolloutEnded: RolloutProps = {
  ...rollout,
  status: 'rolled_back',
  migration: 'contract',
  reason: 'It stopped by itself: 1 tenant failed by wave 1 of 3.',
  finishedAt: NOW - MINUTE,
  remainingMs: null,
  can: { hold: false, resume: false, abort: false, goBack: false },
}

const row = (over: Partial<RolloutRow>): RolloutRow => ({
  id: 'rol_01',
  tag: 'v43',
  blueprint: 'virtues',
  status: 'running',
  reason: null,
  settled: 3,
  total: 200,
  failed: 1,
  by: 'founder@virtues.example',
  createdAt: NOW - 30 * MINUTE,
  finishedAt: null,
  ...over,
})

export const rollouts: RolloutsProps = {
  operator,
  rollouts: [
    row({}),
    row({
      id: 'rol_00',
      tag: 'v42',
      status: 'rolled_back',
      reason: 'It stopped by itself: 1 tenant failed by wave 1 of 4.',
      finishedAt: NOW - 10 * MINUTE,
    }),
  ],
  page: { number: 1, size: 50, total: 2 },
  filter: { q: '', status: '', sort: 'begun', dir: 'desc' },
  now: NOW,
}

const target = (over: Partial<TargetRow>): TargetRow => ({
  tenantId: 'ten_01',
  subdomain: 'ada',
  wave: 1,
  state: 'waiting',
  formerRelease: 'v42',
  failedPart: null,
  reason: null,
  runId: null,
  canSkip: true,
  updatedAt: NOW - MINUTE,
  ...over,
})

export const targets: TargetsProps = {
  operator,
  rollout: { id: 'rol_01', tag: 'v43' },
  targets: [
    target({}),
    target({
      tenantId: 'ten_02',
      subdomain: 'grace',
      state: 'failed',
      failedPart: 'migrate',
      reason: 'The migration ended with status 1.',
      runId: 'run_02',
      canSkip: false,
    }),
  ],
  page: { number: 1, size: 50, total: 120 },
  filter: { q: '', state: '', sort: 'wave', dir: 'asc' },
  problem: 'ada has begun already.',
  now: NOW,
}

export const confirm: RolloutConfirmProps = {
  operator,
  rollout: { id: 'rol_01', tag: 'v43' },
  counts: { succeeded: 12, deploying: 1, waiting: 180 },
}

const form: DeployForm = {
  blueprint: 'virtues',
  tag: 'v43',
  notes: '',
  migration: 'expand',
  backup: '',
  digests: '',
  waves: '',
  canaries: 'ada',
  concurrency: '',
  bake_minutes: '',
  stop_failures: '',
  stop_percent: '',
}

export const deploy: DeployProps = {
  operator,
  blueprints: [
    { name: 'virtues', tenants: 200 },
    { name: 'hello', tenants: 1 },
  ],
  form,
  usual: {
    waves: '1 / 5 % / 25 % / 100 %',
    concurrency: '10',
    bake_minutes: '10',
    stop_failures: '2',
    stop_percent: '2',
  },
  errors: {},
  known: ['v43', 'v42'],
  isNoted: true,
  plan: null,
  holders: [],
  now: NOW,
}

export const deployWrong: DeployProps = {
  ...deploy,
  errors: { tag: 'Must be the tag of an image, such as v43.', waves: 'The last wave must be 100 %.' },
  problem: 'Some fields need another look.',
  holders: [{ id: 'rol_00', tag: 'v42', blueprint: 'virtues', by: 'ci', since: NOW - 5 * MINUTE }],
}

const plan: PlanView = {
  release: { tag: 'v43', notes: 'Faster search.', migration: 'contract', backup: true, images: [image] },
  blueprint: 'virtues',
  waves: [
    {
      number: 0,
      size: 1,
      startsAfterMs: 0,
      deploysMs: MINUTE,
      bakeMs: 10 * MINUTE,
      formers: ['v42'],
      tenants: [{ id: 'ten_01', subdomain: 'ada', formerRelease: 'v42', isCanary: true }],
    },
    {
      number: 1,
      size: 199,
      startsAfterMs: 11 * MINUTE,
      deploysMs: 20 * MINUTE,
      bakeMs: 0,
      formers: ['v41', 'v42'],
      tenants: [{ id: 'ten_02', subdomain: 'grace', formerRelease: 'v41', isCanary: false }],
    },
  ],
  setAside: [{ id: 'ten_09', subdomain: 'linus', reason: 'It is suspended.' }],
  total: 200,
  already: 2,
  canGoBack: false,
  obstacles: [],
  stopAt: 4,
  concurrency: 10,
  takesMs: 31 * MINUTE,
}

export const deployPlanned: DeployProps = { ...deploy, plan }

export const deployHeld: DeployProps = { ...deploy, plan, problem: 'The rollout of v42 holds the fleet.' }

export const deployment: DeploymentProps = {
  operator,
  tenant: { id: 'ten_01', subdomain: 'ada', blueprint: 'virtues', release: 'v42' },
  form: { tag: '', notes: '', migration: '', backup: '', digests: '' },
  errors: {},
  known: [],
  isNoted: false,
  plan: null,
}

export const deploymentWrong: DeploymentProps = {
  ...deployment,
  form: { ...deployment.form, tag: 'v 43' },
  errors: { tag: 'Must be the tag of an image, such as v43.' },
}

export const deploymentPlanned: DeploymentProps = {
  ...deployment,
  form: { tag: 'v43', notes: 'Faster search.', migration: 'expand', backup: '', digests: '' },
  known: ['v43'],
  plan: {
    release: { tag: 'v43', notes: 'Faster search.', migration: 'expand', images: [image] },
    way: 'forward',
    canGoBack: true,
    copies: false,
    takesMs: 40_000,
    obstacles: [],
  },
}

export const deploymentOneWay: DeploymentProps = {
  ...deploymentPlanned,
  plan: deploymentPlanned.plan && { ...deploymentPlanned.plan, canGoBack: false, copies: true },
}

export const deploymentBack: DeploymentProps = {
  ...deploymentPlanned,
  problem: 'There is no way back from v44.',
  plan: deploymentPlanned.plan && {
    ...deploymentPlanned.plan,
    way: 'back',
    obstacles: ['There is no way back from v44.'],
  },
}

export const deployHarmless: DeployProps = {
  ...deploy,
  blueprints: [{ name: 'virtues', tenants: 0 }],
  plan: {
    ...plan,
    release: { ...plan.release, migration: 'none', backup: false },
    waves: [],
    setAside: [],
    total: 0,
    canGoBack: true,
    obstacles: ['There is nobody who could get this release now.'],
  },
}

export const releases: ReleasesProps = {
  operator,
  unknown: [{ tag: 'v42', tenants: 60 }],
  releases: [
    {
      id: 'rel_01',
      tag: 'v43',
      notes: 'Faster search.',
      migration: 'expand',
      backup: true,
      images: [image],
      by: 'founder@virtues.example',
      createdAt: NOW - MINUTE,
      tenants: 12,
    },
  ],
  page: { number: 1, size: 50, total: 60 },
  filter: { blueprint: 'virtues', q: '', data: '', sort: 'created', dir: 'desc' },
  blueprints: ['virtues', 'hello'],
  now: NOW,
}
