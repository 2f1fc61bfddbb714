import type { Blueprint, Plan } from '../catalog/blueprint'
import { readSource } from '../catalog/catalog'
import type { Deploy } from '../catalog/deploy'
import { writtenImages } from '../catalog/images'
import { parseBlueprint } from '../catalog/parse'
import { sampleSettings, sampleUserData } from '../catalog/sample'
import { systemRandom } from '../ids'
import type { Output } from './output'

/** `atlas blueprint check DIR`: 0 when the blueprint is sound, 1 when it is not, 2 when called wrongly. */
export async function blueprint([verb, dir, ...rest]: string[], io: Output): Promise<number> {
  if (verb !== 'check' || !dir || dir.startsWith('-') || rest.length > 0) {
    io.err('Usage: atlas blueprint check DIR')
    return 2
  }
  const { source, problems } = readSource(dir)
  if (!source) return refuse(problems, io)
  const parsed = parseBlueprint(source)
  if (!parsed.blueprint) return refuse(parsed.problems, io)
  show(parsed.blueprint, io)
  return 0
}

function refuse(problems: string[], io: Output): number {
  io.err(`The blueprint has ${problems.length === 1 ? '1 problem' : `${problems.length} problems`}:`)
  for (const problem of problems) io.err(`  ${problem}`)
  return 1
}

function show(blueprint: Blueprint, io: Output): void {
  const { shop, plans } = blueprint
  io.out(`Blueprint ${blueprint.name}, release ${blueprint.release}: sound.`)
  io.out(`${shop.name}: ${shop.tagline}`)
  section('Plans', table([COLUMNS, ...plans.map(planRow)]), io)
  section('Backups', backupWords(blueprint), io)
  section('Deploys', deployWords(blueprint), io)
  const settings = sampleSettings(blueprint, plans[0]!, systemRandom)
  section(`Settings of a sample tenant on ${plans[0]!.name}`, table(Object.entries(settings)), io)
  section('User-data of a sample tenant', sampleUserData(blueprint).trimEnd().split('\n'), io)
}

const COLUMNS = ['PLAN', 'NAME', 'PRICE', 'PRICE ID FROM', 'APPROVAL', 'SERVER', 'BACKUPS', 'LIMITS']

function planRow(plan: Plan): string[] {
  const { vcpu, cpu, memoryGb, diskGb } = plan.server
  const { everyHours, retentionDays, imagesEveryDays, cloud } = plan.backups
  return [
    plan.key,
    plan.name,
    priceInWords(plan.price),
    plan.priceVariable,
    plan.approval,
    `${vcpu} ${cpu} vCPU, ${memoryGb} GB, ${diskGb} GB disk`,
    `every ${everyHours} h for ${retentionDays} days${imagesEveryDays ? `, image every ${imagesEveryDays} days` : ''}${cloud ? ', cloud' : ''}`,
    Object.entries(plan.limits)
      .map(([name, limit]) => `${name}=${limit}`)
      .join(' ') || '-',
  ]
}

function backupWords({ backup, settings }: Blueprint): string[] {
  const rotated = settings.flatMap((setting) =>
    'generate' in setting && setting.rotate ? [setting.name] : [],
  )
  return [
    `dumps: ${backup?.dumps.map(({ name, service }) => `${name} of ${service}`).join(', ') || 'none'}`,
    `volumes: ${backup?.volumes.join(', ') || 'none'}`,
    `secrets that can be rotated: ${rotated.join(', ') || 'none'}`,
  ]
}

function deployWords({ compose, deploy, releases }: Blueprint): string[] {
  const { migrate, smoke, github, healthyAnswers, timeoutMinutes } = deploy
  return [
    `images: ${writtenImages({ compose }).join(', ') || 'none, as no image in compose.yaml depends on RELEASE'}`,
    `migration: ${migrate ? `${migrate.command.join(' ')} (${migrate.service})` : 'none'}`,
    `healthy after: ${healthyAnswers} answers in a row within ${timeoutMinutes} minutes`,
    `smoke check: ${smoke ? smokeInWords(smoke) : 'none'}`,
    `begun by: ${github ? githubInWords(github) : 'a person or a program only'}`,
    `known releases: ${releases.map(({ tag, migration, backup }) => `${tag} (${migration}${backup ? ', backup first' : ''})`).join(', ') || 'none'}`,
  ]
}

function smokeInWords({ path, expectStatus, contains }: NonNullable<Deploy['smoke']>): string {
  return `${path} answers ${expectStatus}${contains === null ? '' : ` and says ${JSON.stringify(contains)}`}`
}

function githubInWords({ repository, branch, tags }: NonNullable<Deploy['github']>): string {
  const pushes = [...(tags ? ['a tag'] : []), ...(branch === null ? [] : [`the branch ${branch}`])]
  return `a push of ${pushes.join(' or ')} to ${repository}`
}

function priceInWords({ amount, currency, interval }: Plan['price']): string {
  const format = new Intl.NumberFormat('en-US', { style: 'currency', currency })
  const minorUnits = 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2)
  return `${format.format(amount / minorUnits)} a ${interval}`
}

function table(rows: string[][]): string[] {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]!.length))) ?? []
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  )
}

function section(title: string, lines: string[], io: Output): void {
  io.out('')
  io.out(title)
  for (const line of lines) io.out(`  ${line}`)
}
