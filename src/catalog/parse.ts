import * as v from 'valibot'
import type { Blueprint, BlueprintSource, Plan, Setting } from './blueprint'
import { composeProblems } from './compose'
import { toDeploy, toReleases } from './deploy'
import { imageProblems } from './images'
import { sampleUserData } from './sample'
import { blueprintSchema, releasesSchema, type WrittenBlueprint, type WrittenReleases } from './schema'
import { USER_DATA_BYTES_MAX, userDataProblems } from './user-data'
import { crossProblems, namesUsed, readWritten, releaseProblems } from './written'

/** Reads a blueprint; with any problem there is no blueprint, and every problem is named with its place. */
export function parseBlueprint(
  source: BlueprintSource,
): { blueprint: Blueprint; problems: [] } | { blueprint: null; problems: string[] } {
  const { written, problems } = readWritten('blueprint.yaml', blueprintSchema, source.blueprint)
  if (written && written.name !== source.name) {
    problems.push(`blueprint.yaml: name is not the folder's name, ${JSON.stringify(source.name)}`)
  }
  if (written) problems.push(...crossProblems(written).map((problem) => `blueprint.yaml: ${problem}`))
  const releases = readWritten('releases.yaml', releasesSchema, source.releases ?? '[]')
  problems.push(...releases.problems, ...releaseProblems(releases.written ?? []))
  problems.push(...userDataProblems(source.userData).map((problem) => `user-data.yaml${problem}`))
  const names = written ? namesUsed(written) : undefined
  problems.push(...composeProblems(source.compose, names).map((problem) => `compose.yaml${problem}`))
  if (!written || !releases.written || problems.length > 0) return { blueprint: null, problems }
  const blueprint = toBlueprint(written, releases.written, source)
  const images = imageProblems(blueprint).map((problem) => `compose.yaml${problem}`)
  if (images.length > 0) return { blueprint: null, problems: images }
  const bytes = Buffer.byteLength(sampleUserData(blueprint))
  if (bytes <= USER_DATA_BYTES_MAX) return { blueprint, problems: [] }
  const words = `user-data.yaml: becomes ${bytes} bytes with the agent, more than ${USER_DATA_BYTES_MAX}`
  return { blueprint: null, problems: [words] }
}

/**
 * Reads a blueprint that was found sound before, as those in the binary were when it was tested: Bun's own parser
 * says nothing of places, and takes a fiftieth of the time from every start.
 */
export function readSound(source: BlueprintSource): Blueprint {
  const written = v.parse(blueprintSchema, Bun.YAML.parse(source.blueprint))
  return toBlueprint(written, v.parse(releasesSchema, Bun.YAML.parse(source.releases ?? '[]')), source)
}

function toBlueprint(
  written: WrittenBlueprint,
  releases: WrittenReleases,
  source: BlueprintSource,
): Blueprint {
  const { shop, server, health } = written
  return {
    name: written.name,
    shop: {
      name: shop.name,
      tagline: shop.tagline,
      description: shop.description,
      accent: shop.accent,
      supportEmail: shop.support_email ?? null,
      features: shop.features ?? [],
    },
    release: written.release,
    sold: written.sold ?? true,
    server: { ...server, locations: server.locations ?? [server.location] },
    health: {
      path: health.path,
      expectStatus: health.expect_status,
      timeoutMinutes: health.timeout_minutes,
    },
    suspension: { holdingPage: written.suspension.holding_page },
    deploy: toDeploy(written.deploy),
    releases: toReleases(releases),
    backup: written.backup ?? null,
    plans: written.plans.map(toPlan),
    settings: written.settings.map(toSetting),
    reservedSubdomains: written.reserved_subdomains ?? [],
    userData: source.userData,
    compose: source.compose,
  }
}

function toPlan(plan: WrittenBlueprint['plans'][number]): Plan {
  const { price_variable: priceVariable, server, backups, ...same } = plan
  const { memory_gb: memoryGb, disk_gb: diskGb, prefer = [], ...cpu } = server
  return {
    ...same,
    priceVariable,
    server: { ...cpu, memoryGb, diskGb, prefer },
    backups: {
      everyHours: backups.every_hours,
      retentionDays: backups.retention_days,
      imagesEveryDays: backups.images_every_days,
      cloud: backups.cloud,
    },
  }
}

function toSetting(setting: WrittenBlueprint['settings'][number]): Setting {
  if ('value' in setting) return setting
  if ('generate' in setting) return { ...setting, rotate: setting.rotate ?? null }
  return { name: setting.name, from: setting.from, required: setting.required ?? true }
}
