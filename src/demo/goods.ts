import type { Blueprint } from '../catalog/blueprint'
import { builtinBlueprints } from '../catalog/builtin'
import { readBlueprints } from '../catalog/catalog'
import { imagesOfRelease } from '../catalog/images'
import type { Environment } from '../config'

/** A price as the simulated Stripe has it; `amount` in minor units. */
export type DemoPrice = {
  id: string
  amount: number
  currency: string
  interval: 'month' | 'year'
  productName: string
}

/**
 * What a demo sells: as in production, the blueprints of BLUEPRINTS_DIR if one of them is sold, otherwise the
 * built-in ones too. What is wrong with them Atlas says when it starts.
 */
export function demoBlueprints(): Blueprint[] {
  const dir = process.env.BLUEPRINTS_DIR?.trim() || undefined
  const { own, builtin } = readBlueprints({ builtin: builtinBlueprints, dir })
  return own.some(({ sold }) => sold) ? own : [...own, ...builtin]
}

/** A price for every plan, such as `price_virtues_starter`. */
export function demoPrices(): DemoPrice[] {
  return demoBlueprints().flatMap((blueprint) =>
    blueprint.plans.map(({ key, name, price }) => ({
      ...price,
      id: priceId(blueprint.name, key),
      productName: `${blueprint.shop.name} ${name}`,
    })),
  )
}

/** The variables that the blueprints want: their prices, and something for whatever they share with tenants. */
export function demoVariables(blueprints: Blueprint[]): Environment {
  const variables = blueprints.flatMap(({ name, plans, settings }) => [
    ...plans.map(({ key, priceVariable }) => [priceVariable, priceId(name, key)] as const),
    ...settings.flatMap((setting) =>
      'from' in setting ? [[setting.from, madeUp(setting.from)] as const] : [],
    ),
  ])
  return Object.fromEntries(variables)
}

/** The releases that come after a blueprint's own in a demo, in their order: not all of them do well. */
const NEXT = [
  { behaviour: 'good', migration: 'expand' },
  { behaviour: 'broken', migration: 'none' },
  { behaviour: 'good', migration: 'none' },
  { behaviour: 'smoke_fails', migration: 'none' },
  { behaviour: 'migration_fails', migration: 'expand' },
  { behaviour: 'unhealthy_later', migration: 'none' },
  { behaviour: 'slow', migration: 'none' },
  { behaviour: 'good', migration: 'contract' },
] as const

/** What a demo's registry has: of each blueprint the images of its release, and of some that follow it. */
export function demoImages() {
  const blueprints = demoBlueprints()
  const env = demoVariables(blueprints)
  return blueprints.flatMap((blueprint) => {
    const own = { tag: blueprint.release, behaviour: 'good', migration: 'none' } as const
    const next = NEXT.map((kind, at) => ({ ...kind, tag: tagAfter(blueprint.release, at + 1) }))
    return [own, ...next].flatMap((release) =>
      imagesOfRelease(blueprint, release.tag, env).map(({ ref }) => ({
        ...release,
        repository: ref.repository,
      })),
    )
  })
}

/** `v44` comes two after `v42`. */
function tagAfter(tag: string, steps: number): string {
  const [, words = '', number] = /^(.*?)(\d{1,9})$/.exec(tag) ?? []
  return number === undefined ? `${tag}-${steps}` : `${words}${Number(number) + steps}`
}

/** The sender of a demo's mail: the shop that customers see. */
export function demoSender(blueprints: Blueprint[]): string {
  const front = blueprints.find(({ sold }) => sold)
  const name = front?.shop.name.replace(/[^\p{L}\p{N}]+/gu, ' ').trim() ?? ''
  return `${name} <hello@shop.example>`
}

function priceId(blueprint: string, plan: string): string {
  return `price_${blueprint}_${plan}`
}

function madeUp(variable: string): string {
  return `demo-${variable.toLowerCase().replaceAll('_', '-')}`
}
