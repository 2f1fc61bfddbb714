import { saysAt } from './app'
import { crashes, statusOf, WELL_FOR_MS } from './condition'
import type { DeployInput } from './deploy-input'
import type { App, Machine, Pace } from './machine'

/** Why a release does not stay, how long it takes the agent to see it, and what it says. */
export type Trouble = { part: 'health' | 'smoke'; afterMs: number; message: string; words: string }

const BETWEEN_ANSWERS_MS = 2_000
/** Until Docker has started a broken app so often that the agent believes it. */
const CRASHES_MS = 5_000

/** Until the agent has had all the answers that it wants of an app which is well, in a real cloud's milliseconds. */
export function wellAfterMs({ health }: DeployInput, bootMs: number): number {
  return bootMs + BETWEEN_ANSWERS_MS * (health.answers - 1)
}

/** What the agent finds wrong with an app that it has just started; null when it is well. */
export function troubleOf(
  machine: Machine & { app: App },
  { health, smoke }: DeployInput,
  bootMs: number,
  pace: Pace,
): Trouble | null {
  const { app, data } = machine
  const sick = { part: 'health', message: 'The app did not become healthy with the new release.' } as const
  if (crashes(app, data)) {
    return { ...sick, afterMs: CRASHES_MS, words: 'The app crashes again and again' }
  }
  const says = (path: string) => saysAt(machine, health.host ?? '', path)
  const answer = (path: string) =>
    says(path) === null ? 404 : statusOf(app, path, app.upAt, pace.lasts(WELL_FOR_MS))
  const timeoutMs = health.timeout_seconds * 1000
  if (bootMs > timeoutMs || answer(health.path) !== health.expect_status) {
    return { ...sick, afterMs: timeoutMs, words: `GET ${health.path} is not what it should be` }
  }
  if (!smoke) return null
  const isThere = says(smoke.path)?.includes(smoke.contains ?? '')
  if (isThere && answer(smoke.path) === smoke.expect_status) return null
  return {
    part: 'smoke',
    afterMs: bootMs + BETWEEN_ANSWERS_MS * (health.answers + 1),
    message: 'The app does not pass its smoke check with the new release.',
    words: `GET ${smoke.path} is not what it should be`,
  }
}
