import type { Environment } from '../config'
import type { Deploy, ReleaseNote } from './deploy'

/** A blueprint as the texts of one folder; `name` is the folder's. */
export type BlueprintSource = {
  name: string
  blueprint: string
  userData: string
  compose: string
  /** releases.yaml, which need not be there. */
  releases?: string
}

/** The versioned description of what a tenant runs, and of the plans under which it is sold. */
export type Blueprint = {
  name: string
  shop: Shop
  /** The release that new tenants start at. */
  release: string
  /** False for a blueprint that only serves the tenants it already has. */
  sold: boolean
  server: { image: string; location: string; locations: string[] }
  health: { path: string; expectStatus: number; timeoutMinutes: number }
  /** Whether visitors of a suspended tenant get a page that says so. */
  suspension: { holdingPage: boolean }
  deploy: Deploy
  /** What is known of releases beforehand. */
  releases: ReleaseNote[]
  /** What the agent copies; null when it can copy nothing of this app. */
  backup: BackupContents | null
  plans: Plan[]
  settings: Setting[]
  reservedSubdomains: string[]
  /** Template of the user-data. */
  userData: string
  compose: string
}

export type Shop = {
  name: string
  tagline: string
  description: string
  /** `#rrggbb`. */
  accent: string
  supportEmail: string | null
  features: string[]
}

export type Plan = {
  key: string
  name: string
  summary: string
  /** `amount` in minor units. */
  price: { amount: number; currency: string; interval: 'month' | 'year' }
  /** The environment variable that holds Stripe's price id. */
  priceVariable: string
  approval: 'automatic' | 'manual'
  server: PlanServer
  /** Such as `tokens_per_month`. */
  limits: Record<string, number>
  features: string[]
  backups: PlanBackups
}

/** How often what is copied, and for how long it is kept. */
export type PlanBackups = {
  everyHours: number
  retentionDays: 7 | 30 | 90
  /** An image of the whole server every so many days; 0 for none. */
  imagesEveryDays: number
  /** Whether the cloud makes daily copies of its own, which it charges for. */
  cloud: boolean
}

export type BackupContents = {
  /** `dump` writes to standard output what `restore` reads from standard input, both inside the service's container. */
  dumps: { name: string; service: string; dump: string[]; restore: string[] }[]
  /** Names of volumes in compose.yaml. */
  volumes: string[]
}

export type PlanServer = {
  vcpu: number
  cpu: 'shared' | 'dedicated'
  memoryGb: number
  diskGb: number
  /** Server types to take before the cheapest that would do. */
  prefer: string[]
}

export type Setting =
  | { name: string; value: string }
  | {
      name: string
      generate: { kind: 'password' | 'hex' | 'base64url'; length: number }
      rotate: Rotation | null
    }
  | { name: string; from: string; required: boolean }

/**
 * How the app takes a new value of a secret: with its next start alone, or after a command in a service's container
 * that finds it in NEW_VALUE. A secret without either is never changed.
 */
export type Rotation = 'restart' | { service: string; command: string[] }

/** The plan's id across blueprints, such as `virtues/starter`. */
export const planId = (blueprint: Blueprint, plan: Plan): string => `${blueprint.name}/${plan.key}`

/** The variables of Atlas's environment without which a sold blueprint cannot be served. */
export function missingVariables(blueprint: Blueprint, env: Environment): string[] {
  const shared = blueprint.settings.flatMap((setting) =>
    'from' in setting && setting.required ? [setting.from] : [],
  )
  const needed = [...blueprint.plans.map((plan) => plan.priceVariable), ...shared]
  return [...new Set(needed)].filter((name) => !env[name]?.trim())
}
