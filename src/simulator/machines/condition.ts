import { livesWith } from '../registry/images'
import type { App, Data } from './machine'

/** How long an app that is not well from the beginning hides it, in milliseconds. */
export const WELL_FOR_MS = 60_000

/** Whether the app goes down as soon as it is up: by its image, or because it cannot live with its data. */
export function crashes({ behaviour = 'good', schema }: App, data: Data): boolean {
  if (behaviour === 'broken' || behaviour === 'indiscreet') return true
  return schema !== undefined && data.schema !== undefined && !livesWith({ behaviour, schema }, data.schema)
}

/** The status that a running app answers a path of its own with. */
export function statusOf({ behaviour, upAt }: App, path: string, now: number, wellForMs: number): number {
  if (behaviour === 'unhealthy_later' && now >= upAt + wellForMs) return 503
  return behaviour === 'smoke_fails' && path !== '/health' ? 500 : 200
}
