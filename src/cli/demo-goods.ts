import type { Blueprint } from '../catalog/blueprint'
import { builtinBlueprints } from '../catalog/builtin'
import { readBlueprints } from '../catalog/catalog'
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
