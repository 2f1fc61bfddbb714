import { GiveUp, insist } from '../patience'
import type { Visitor } from '../visitor'
import type { Scene } from './scene'

export type Expected = { path?: string; status?: number; has?: string; lacks?: string }

/** Under which name visitors find a customer's site. */
export function hostOf({ tenants }: Scene, subdomain: string): string {
  return `${subdomain}.localhost:${new URL(tenants).port}`
}

/** Visits a page of the site. Throws `GiveUp` when it is not as it should be. */
export async function expectPage(
  scene: Scene,
  visitor: Visitor,
  subdomain: string,
  { path = '/', status = 200, has = '', lacks }: Expected = {},
): Promise<void> {
  const host = hostOf(scene, subdomain)
  const answer = await insist(scene, () => visitor.get(`${scene.tenants}${path}`, host))
  const page = await answer.text()
  const url = `http://${host}${path}`
  if (answer.status !== status) throw new GiveUp(`${url} answers with ${answer.status}, not ${status}.`)
  if (!page.includes(has)) throw new GiveUp(`${url} does not show “${has}”.`)
  if (lacks && page.includes(lacks)) throw new GiveUp(`${url} still shows “${lacks}”.`)
}

/** Leaves a note on the site, unless it is there from a try whose answer was lost. */
export async function leaveNote(
  scene: Scene,
  visitor: Visitor,
  subdomain: string,
  note: string,
): Promise<void> {
  const host = hostOf(scene, subdomain)
  await insist(scene, async () => {
    const page = await (await visitor.get(`${scene.tenants}/`, host)).text()
    if (page.includes(note)) return
    const answer = await visitor.post(`${scene.tenants}/notes`, { note }, host)
    if (answer.status !== 303) throw new Error(`The note was not taken (${answer.status}).`)
  })
}
