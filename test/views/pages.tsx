import { BackupKeyPage, BackupKeyShown } from '../../views/admin/backup-key'
import { BackupsPage } from '../../views/admin/backups'
import { DeletionPage } from '../../views/admin/deletion'
import { DeployPage } from '../../views/admin/deploy'
import { DeploymentPage } from '../../views/admin/deployment'
import { DriftPage } from '../../views/admin/drift'
import { ConfirmAllPage, ConfirmFindingPage } from '../../views/admin/drift-confirm'
import { HealthPage } from '../../views/admin/health'
import { MovePage } from '../../views/admin/move'
import { OverviewPage } from '../../views/admin/overview'
import { PlanChangePage } from '../../views/admin/plan-change'
import { ReleasesPage } from '../../views/admin/releases'
import { RestorationPage } from '../../views/admin/restoration'
import { RolloutPage } from '../../views/admin/rollout'
import { AbortionPage, WayBackPage } from '../../views/admin/rollout-confirm'
import { TargetsPage } from '../../views/admin/rollout-targets'
import { RolloutsPage } from '../../views/admin/rollouts'
import { RunPage } from '../../views/admin/run'
import { RunsPage } from '../../views/admin/runs'
import { SecretRotationPage } from '../../views/admin/secret-rotation'
import { SignupsPage } from '../../views/admin/signups'
import { SuspensionPage } from '../../views/admin/suspension'
import { TagsPage } from '../../views/admin/tags'
import { TenantPage } from '../../views/admin/tenant'
import { TenantsPage } from '../../views/admin/tenants'
import { TimelinePage } from '../../views/admin/timeline'
import { UndoPage } from '../../views/admin/undo'
import type { Html } from '../../views/jsx-runtime'
import { LoginConfirmPage, LoginRefusedPage } from '../../views/login/confirm'
import { LoginRequestPage } from '../../views/login/request'
import { LoginSentPage } from '../../views/login/sent'
import { ErrorPage } from '../../views/shop/error'
import { LandingPage } from '../../views/shop/landing'
import { CheckoutPage } from '../../views/signup/checkout'
import { SignupFormPage } from '../../views/signup/form'
import { SignupSuccessPage } from '../../views/signup/success'
import * as samples from './samples'
import * as backupSamples from './samples-backups'
import * as driftSamples from './samples-drift'
import * as rolloutSamples from './samples-rollouts'

export type Sample = { name: string; render: () => Html; renderWith: (change: <T>(props: T) => T) => Html }

function sample<P>(name: string, page: (props: P) => Html, props: P): Sample {
  return { name, render: () => page(props), renderWith: (change) => page(change(props)) }
}

const brand = samples.landing.brand

/** Every page of the product in every state that looks different. */
export const PAGES: Sample[] = [
  sample('landing', LandingPage, samples.landing),
  sample('not-found', ErrorPage, {
    brand,
    status: 404,
    title: 'There is nothing here',
    sentence: 'The address may be mistyped, or what was here is gone.',
  }),
  sample('signup', SignupFormPage, samples.signupForm),
  sample('signup-queued', SignupFormPage, { ...samples.signupForm, isQueueing: true }),
  sample('signup-wrong', SignupFormPage, samples.signupFormWrong),
  sample('checkout', CheckoutPage, samples.checkout),
  sample('success', SignupSuccessPage, samples.success),
  sample('success-queued', SignupSuccessPage, { ...samples.success, ahead: 3 }),
  sample('success-live', SignupSuccessPage, samples.successLive),
  sample('success-failed', SignupSuccessPage, samples.successFailed),
  sample('success-ended', SignupSuccessPage, { ...samples.success, state: 'ended' }),
  sample('login', LoginRequestPage, {
    email: 'ada',
    error: 'Write an address with a name, an @ and a domain.',
  }),
  sample('login-sent', LoginSentPage, { validMinutes: 15 }),
  sample('login-confirm', LoginConfirmPage, { token: 'tok_secret', browser: '', action: '/login/link' }),
  sample('login-refused', LoginRefusedPage, {
    sentence: 'It was used already, or is older than 15 minutes.',
  }),
  sample('overview', OverviewPage, samples.overview),
  sample('overview-calm', OverviewPage, {
    ...samples.overview,
    waiting: [],
    failedRuns: [],
    rollouts: [],
    underWay: [],
    troubles: [],
    more: { failedRuns: false, troubles: false, waiting: false },
    latestRuns: [],
    tenants: [],
    money: { monthly: [], paidThisMonth: [], paymentsThisMonth: 0 },
    health: { counts: { healthy: 0, failing: 0, unhealthy: 0, unknown: 0 }, down: [] },
  }),
  sample('health', HealthPage, samples.health),
  sample('health-calm', HealthPage, {
    ...samples.health,
    ailing: [],
    incidents: [],
    page: { number: 1, size: 50, total: 0 },
  }),
  sample('signups', SignupsPage, samples.signups),
  sample('tenants', TenantsPage, samples.tenants),
  sample('tenants-empty', TenantsPage, {
    ...samples.tenants,
    tenants: [],
    page: { number: 1, size: 50, total: 0 },
    filter: { ...samples.tenants.filter, q: '', plan: '' },
  }),
  sample('tenant', TenantPage, samples.tenant),
  sample('tenant-suspended', TenantPage, {
    ...samples.tenant,
    status: 'suspended',
    statusReason: null,
    suspendedFor: 'unpaid',
    suspendedAt: samples.NOW - 3_600_000,
    run: null,
  }),
  sample('tenant-going', TenantPage, {
    ...samples.tenant,
    status: 'deleting',
    statusReason: null,
    deleteAt: samples.NOW + 6 * 86_400_000,
    run: {
      ...samples.tenantRun,
      kind: 'delete',
      status: 'waiting',
      canRetry: false,
      canUndo: false,
      canCancel: true,
    },
    problem: 'linus is being deleted. Only an active tenant can be suspended.',
  }),
  sample('suspension', SuspensionPage, samples.suspension),
  sample('plan-change', PlanChangePage, samples.planChange),
  sample('plan-change-refused', PlanChangePage, {
    ...samples.planChange,
    value: 'virtues/pro',
    error: 'The plan was changed by somebody else meanwhile. Look again.',
  }),
  sample('deletion', DeletionPage, samples.deletion),
  sample('deletion-wrong', DeletionPage, {
    ...samples.deletion,
    lately: 5,
    values: { days: 'x', withImage: false, confirmation: 'linux' },
    errors: {
      confirmation: 'Type linus to make sure that this is the one.',
      days: 'Write a whole number of days from 0 to 90.',
      many: 'Say that you mean another one too.',
    },
  }),
  sample('tags', TagsPage, {
    operator: samples.tenant.operator,
    tenant: { id: 'ten_01', subdomain: 'linus' },
    value: 'Beta',
    error: 'Must be words of small letters.',
  }),
  sample('tenant-active', TenantPage, {
    ...samples.tenant,
    releaseSince: null,
    wanted: null,
    tags: [],
    status: 'active',
    statusReason: null,
    run: null,
    backups: backupSamples.noBackups,
  }),
  sample('tenant-copied', TenantPage, { ...samples.tenant, status: 'active', statusReason: null, run: null }),
  sample('backups', BackupsPage, backupSamples.backups),
  sample('backups-empty', BackupsPage, {
    ...backupSamples.backups,
    backups: [],
    page: { number: 1, size: 50, total: 0 },
  }),
  sample('restoration', RestorationPage, backupSamples.restoration),
  sample('restoration-unverified', RestorationPage, backupSamples.restorationUnverified),
  sample('restoration-image', RestorationPage, {
    ...backupSamples.restoration,
    backup: { ...backupSamples.restoration.backup, method: 'image' },
    value: 'linux',
    error: 'Type linus to make sure that this is the one.',
  }),
  sample('move', MovePage, backupSamples.move),
  sample('move-dead', MovePage, {
    ...backupSamples.move,
    answers: false,
    minutes: 1,
    isOtherPlan: true,
    others: [],
  }),
  sample('move-wrong', MovePage, {
    ...backupSamples.move,
    isChosen: true,
    value: 'linux',
    error: 'Type linus to make sure that this is the one.',
  }),
  sample('backup-key', BackupKeyPage, backupSamples.backupKey),
  sample('backup-key-wrong', BackupKeyPage, {
    ...backupSamples.backupKey,
    value: 'linux',
    error: 'Type linus to make sure that this is the one.',
  }),
  sample('backup-key-none', BackupKeyPage, { ...backupSamples.backupKey, hasKey: false }),
  sample('backup-key-shown', BackupKeyShown, { ...backupSamples.backupKey, identity: 'AGE-SECRET-KEY-1QQQ' }),
  sample('secret-rotation', SecretRotationPage, backupSamples.secretRotation),
  sample('timeline', TimelinePage, samples.timeline),
  sample('timeline-empty', TimelinePage, {
    ...samples.timeline,
    entries: [],
    next: null,
    filter: { kind: 'mail', q: 'x', before: '1.evt_1' },
    fullSince: 1_792_757_000_000,
  }),
  sample('runs', RunsPage, samples.runs),
  sample('run', RunPage, samples.run),
  sample('run-failed', RunPage, samples.runFailed),
  sample('run-deploy', RunPage, samples.runDeploy),
  sample('undo', UndoPage, samples.undo),
  sample('drift', DriftPage, driftSamples.drift),
  sample('drift-calm', DriftPage, driftSamples.driftCalm),
  sample('drift-looking', DriftPage, driftSamples.driftLooking),
  sample('drift-failed', DriftPage, driftSamples.driftFailed),
  sample('drift-unlisted', DriftPage, driftSamples.driftUnlisted),
  sample('drift-resolved', DriftPage, driftSamples.driftResolved),
  sample('drift-confirm', ConfirmFindingPage, driftSamples.confirmFinding),
  sample('drift-confirm-all', ConfirmAllPage, driftSamples.confirmAll),
  sample('deploy', DeployPage, rolloutSamples.deploy),
  sample('deploy-wrong', DeployPage, rolloutSamples.deployWrong),
  sample('deploy-planned', DeployPage, rolloutSamples.deployPlanned),
  sample('deploy-nobody', DeployPage, rolloutSamples.deployHarmless),
  sample('deploy-held', DeployPage, rolloutSamples.deployHeld),
  sample('deployment', DeploymentPage, rolloutSamples.deployment),
  sample('deployment-wrong', DeploymentPage, rolloutSamples.deploymentWrong),
  sample('deployment-planned', DeploymentPage, rolloutSamples.deploymentPlanned),
  sample('deployment-one-way', DeploymentPage, rolloutSamples.deploymentOneWay),
  sample('deployment-back', DeploymentPage, rolloutSamples.deploymentBack),
  sample('releases', ReleasesPage, rolloutSamples.releases),
  sample('releases-empty', ReleasesPage, {
    ...rolloutSamples.releases,
    releases: [],
    blueprints: ['virtues'],
    page: { number: 1, size: 50, total: 0 },
  }),
  sample('rollouts', RolloutsPage, rolloutSamples.rollouts),
  sample('rollouts-empty', RolloutsPage, {
    ...rolloutSamples.rollouts,
    rollouts: [],
    page: { number: 1, size: 50, total: 0 },
  }),
  sample('rollout', RolloutPage, rolloutSamples.rollout),
  sample('rollout-large', RolloutPage, rolloutSamples.rolloutLarge),
  sample('rollout-baking', RolloutPage, rolloutSamples.rolloutBaking),
  sample('rollout-frozen', RolloutPage, rolloutSamples.rolloutFrozen),
  sample('rollout-ended', RolloutPage, rolloutSamples.rolloutEnded),
  sample('rollout-targets', TargetsPage, rolloutSamples.targets),
  sample('rollout-abortion', AbortionPage, rolloutSamples.confirm),
  sample('rollout-way-back', WayBackPage, {
    ...rolloutSamples.confirm,
    value: 'v42',
    error: 'Type v43 to make sure that this is the one.',
  }),
]
