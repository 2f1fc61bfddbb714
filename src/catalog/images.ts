import type { Environment } from '../config'
import { invalid } from '../errors'
import type { ImageRef } from '../providers/registry'
import type { Blueprint } from './blueprint'
import { placeholdersOf } from './template'
import { parseYaml } from './yaml'

/** An image of a release: as compose.yaml spells it, and where the registry has it. */
export type ReleaseImage = { image: string; ref: ImageRef }

type Images = Pick<Blueprint, 'compose' | 'settings'>

// As docker compose reads them; $$ is a dollar.
const VARIABLE = /\$(?:\$|([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(?:(:?[-?+])([^{}]*))?\})/g
const REFERENCE = /^(?:([^/]+)\/)?([a-z0-9]+(?:[._/-]+[a-z0-9]+)*):([A-Za-z0-9_][A-Za-z0-9_.-]{0,127})$/
const NAME = /^[a-z0-9]+(?:[._-]+[a-z0-9]+)*$/
const HOST = /^[a-z0-9]+(?:[.-][a-z0-9]+)*(?::\d{1,5})?$/i
const DOCKER_HUB = 'registry-1.docker.io'

/**
 * The images that a release consists of: those of compose.yaml whose reference depends on RELEASE, with the settings
 * filled in that every tenant shares. Throws `invalid` for a reference that only a tenant's own settings complete, or
 * that is none.
 */
export function imagesOfRelease(blueprint: Images, tag: string, env: Environment): ReleaseImage[] {
  const known = { ...sharedSettings(blueprint, env), RELEASE: tag }
  const images = new Set(writtenImages(blueprint).map((image) => filled(image, known)))
  return [...images].map((image) => ({ image, ref: refOf(image) }))
}

/** The same images as compose.yaml writes them, without repetition. */
export function writtenImages({ compose }: Pick<Blueprint, 'compose'>): string[] {
  const { services } = (parseYaml(compose).value ?? {}) as { services?: Record<string, { image?: unknown }> }
  const images = Object.values(services ?? {}).map((service) => service?.image)
  const written = images.filter((image) => typeof image === 'string')
  return [...new Set(written)].filter((image) => variablesIn(image).includes('RELEASE'))
}

/** What is wrong with the images of a release, whatever the environment; each begins with `: `. */
export function imageProblems(blueprint: Images): string[] {
  const known = Object.keys(sharedSettings(blueprint, {}))
  const names = writtenImages(blueprint).flatMap(variablesIn)
  return [...new Set(names)]
    .filter((name) => name !== 'RELEASE' && !known.includes(name))
    .map((name) => `: the image of a release uses ${name}, which is not the same for all tenants`)
}

/** What every tenant of the blueprint has: fixed values that refer to nothing, and shared variables. */
function sharedSettings({ settings }: Images, env: Environment): Record<string, string> {
  const entries = settings.flatMap((setting): [string, string][] => {
    if ('from' in setting) return [[setting.name, env[setting.from]?.trim() ?? '']]
    return 'value' in setting && placeholdersOf(setting.value).length === 0
      ? [[setting.name, setting.value]]
      : []
  })
  return Object.fromEntries(entries)
}

function variablesIn(text: string): string[] {
  return [...text.matchAll(VARIABLE)].flatMap((match) => match[1] ?? match[2] ?? [])
}

/** As docker compose interpolates. */
function filled(text: string, known: Record<string, string>): string {
  return text.replace(VARIABLE, (_written, bare?: string, braced?: string, operator = '', word = '') => {
    const name = bare ?? braced
    if (name === undefined) return '$'
    const value = Object.hasOwn(known, name) ? known[name] : undefined
    const isSet = value !== undefined && (value !== '' || !operator.startsWith(':'))
    if (operator.endsWith('+')) return isSet ? word : ''
    if (isSet) return value
    if (operator.endsWith('-')) return word
    throw invalid(`An image in compose.yaml needs ${name}, which is no setting that all tenants share.`)
  })
}

/** What docker makes of a reference. */
function refOf(image: string): ImageRef {
  const [, first, rest = '', tag = ''] = REFERENCE.exec(image) ?? []
  const isHost = first !== undefined && (/[.:]/.test(first) || first === 'localhost')
  if (!rest || (first !== undefined && !(isHost ? HOST : NAME).test(first))) {
    throw invalid('An image in compose.yaml is not a name and a tag, such as ghcr.io/owner/app:v1.')
  }
  if (isHost && first !== 'docker.io') return { host: first, repository: rest, tag }
  const name = first === undefined || isHost ? rest : `${first}/${rest}`
  return { host: DOCKER_HUB, repository: name.includes('/') ? name : `library/${name}`, tag }
}
