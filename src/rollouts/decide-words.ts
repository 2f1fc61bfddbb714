import type { Snapshot } from './decide'

/** Why a rollout stopped. */
export function failuresInWords(failed: number, wave: number, waves: number): string {
  const tenants = failed === 1 ? '1 tenant' : `${failed} tenants`
  return `It stopped by itself: ${tenants} failed by wave ${wave + 1} of ${waves}.`
}

/** Why a rollout freezes. */
export function stuckInWords({ stuck, canGoBack }: Snapshot): string {
  const tenants = stuck === 1 ? '1 tenant' : `${stuck} tenants`
  const what = canGoBack
    ? `The way back of ${tenants} failed too.`
    : `${tenants} ${stuck === 1 ? 'is' : 'are'} not well with it, and there is no way back but a backup from before it.`
  return `${what} Nobody else is touched until you have looked.`
}

/** Why a rollout waits for a person after a wave was watched. */
export function unseenInWords(unseen: number): string {
  const tenants = unseen === 1 ? '1 tenant has' : `${unseen} tenants have`
  return `${tenants} not been seen well since they got the release. Look at their health, then resume.`
}
