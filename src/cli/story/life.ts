import { GiveUp, insist } from '../patience'
import { askFor, type Deed, doDeed, knownTenant, sendForm } from './deed'
import { followRun, followTo } from './run'
import { type Customer, type People, readJson, type Scene, type ToldTenant } from './scene'
import { type Expected, expectPage, hostOf, leaveNote } from './site'

/** What must be true where the story stops for a moment. */
export type Stop = {
  status: 'active' | 'suspended' | 'deleting' | 'deleted'
  /** The plan's key. */
  plan: string
  /** The kinds of all mails that the customer has got by now. */
  mails: readonly string[]
}

/** What the story's blueprint lets happen. */
export type Possibilities = {
  /** The key and id of the plan to change to; null when there is only one. */
  otherPlan: { key: string; id: string } | null
  /** Whether visitors of a suspended site get a page. */
  holdingPage: boolean
  /** Whether the blueprint says what is to be copied. */
  backups: boolean
  /** Whether it says of any secret how it is changed. */
  rotation: boolean
}

/** Compares everything with what must be; throws when it differs. */
export type Check = (stop: Stop) => Promise<void>

const NOTE = 'Remember the blue door'

/**
 * The rest of a tenant's life after its site went live: every deed of an operator, through the forms of the pages, and
 * what visitors and clouds see of it. Throws when something goes wrong.
 */
export async function liveOn(
  scene: Scene,
  customer: Customer,
  people: People,
  can: Possibilities,
  check: Check,
): Promise<void> {
  const life = new Life(scene, customer, people, check)
  await life.suspendAndResume(can.holdingPage)
  if (can.otherPlan) await life.upgrade(can.otherPlan)
  await life.leaveNote()
  if (can.backups) await life.loseAndRestore()
  if (can.rotation) await life.rotateSecrets()
  if (can.backups) await life.moveToNewServer()
  await life.deleteAndBringBack()
  await life.deleteForGood()
}

class Life {
  private readonly mails = ['welcome']
  private plan: string

  constructor(
    private readonly scene: Scene,
    private readonly customer: Customer,
    private readonly people: People,
    private readonly check: Check,
  ) {
    this.plan = customer.plan
  }

  async suspendAndResume(holdingPage: boolean): Promise<void> {
    await this.do({ part: 'suspended', kind: 'suspend', page: '/suspension', action: '/suspension' })
    await this.site(holdingPage ? { status: 503, has: 'This site is paused' } : { status: 502 })
    this.scene.tell('site', holdingPage ? 'visitors get the holding page' : 'visitors get no answer')
    await this.stop('suspended', 'suspended')
    await this.do({ part: 'resumed', kind: 'resume', page: '', action: '/resumption' })
    await this.site()
    await this.stop('active', 'resumed')
  }

  async upgrade({ key, id }: { key: string; id: string }): Promise<void> {
    const deed = { part: 'upgraded', kind: 'change-plan', page: '/plan', action: '/plan' }
    await this.do({ ...deed, fields: { plan: id } })
    await this.site({ has: `<dd>${key}</dd>` })
    this.plan = key
    this.scene.tell('plan', `${key}, at Stripe, at Hetzner and in the app`)
    await this.stop('active', 'plan-change-begun', 'plan-changed')
  }

  async leaveNote(): Promise<void> {
    await leaveNote(this.scene, this.people.visitor, this.customer.subdomain, NOTE)
    await this.site({ has: NOTE })
    this.scene.tell('note', `“${NOTE}” is left on the site`)
  }

  async loseAndRestore(): Promise<void> {
    const { scene } = this
    await this.do({
      part: 'backed up',
      kind: 'backup',
      page: '',
      action: '/backups',
      fields: { method: 'app' },
    })
    await this.stop('active')
    const page = `/backups/${await this.newestBackup()}/restoration`
    await this.loseData()
    await this.site({ lacks: NOTE })
    scene.tell('note', 'lost: somebody has deleted everything in the app')
    await this.do({ part: 'restored', kind: 'restore', page, action: page, fields: this.confirmed })
    await this.site({ has: NOTE })
    scene.tell('note', 'back, as it was backed up')
    await this.stop('active')
  }

  async rotateSecrets(): Promise<void> {
    const action = '/secret-rotation'
    await this.do({ part: 'rotated', kind: 'rotate-secrets', page: action, action })
    await this.site({ has: NOTE })
    await this.stop('active')
  }

  async moveToNewServer(): Promise<void> {
    const before = (await this.tenant()).server
    await this.do({ part: 'moved', kind: 'move', page: '/move', action: '/move', fields: this.confirmed })
    const after = (await this.tenant()).server
    if (!after || after.ipv4 === before?.ipv4) throw new GiveUp('After the move the server is the old one.')
    await this.site({ has: NOTE })
    this.scene.tell('server', `${after.name} at ${after.ipv4} instead of ${before?.name}, with the note`)
    await this.stop('active')
  }

  async deleteAndBringBack(): Promise<void> {
    const { scene, people, customer } = this
    const runId = await askFor(scene, people.operator, customer.subdomain, this.deletion('7'))
    await followTo(scene, people.operator, { runId, part: 'deleting' }, 'cool-off')
    await this.site({ has: NOTE })
    scene.tell('cool-off', 'for 7 days it runs on and can be brought back')
    await this.stop('deleting', 'deletion-begun')
    await this.withdraw(runId)
    await this.site({ has: NOTE })
    await this.stop('active', 'brought-back')
  }

  async deleteForGood(): Promise<void> {
    const { scene, customer } = this
    await this.do(this.deletion('0'))
    await this.site({ status: 502, has: 'No such name' })
    scene.tell('gone', `http://${hostOf(scene, customer.subdomain)} leads nowhere; the backups are kept`)
    await this.stop('deleted', 'deletion-begun', 'deleted')
  }

  private get confirmed() {
    return { confirmation: this.customer.subdomain }
  }

  private deletion(days: string): Deed {
    const deed = { part: 'deleted', kind: 'delete', page: '/deletion', action: '/deletion' }
    return { ...deed, fields: { ...this.confirmed, days } }
  }

  private do(deed: Deed): Promise<void> {
    return doDeed(this.scene, this.people.operator, this.customer.subdomain, deed)
  }

  /** One click; that it was made is seen by the run, which then can't be turned round once more. */
  private async withdraw(runId: string): Promise<void> {
    const { scene, people } = this
    await insist(scene, async () => {
      const path = `/api/admin/runs/${runId}`
      const run = await readJson<{ can_cancel: boolean }>(scene, people.operator, path)
      if (!run.can_cancel) return
      const asked = { part: 'brought back', page: '', action: '/deletion-withdrawal' }
      await sendForm(scene, people.operator, await this.tenant(), asked)
    })
    await followRun(scene, people.operator, { runId, part: 'brought back' }, 'cancelled')
    scene.tell('brought back', 'within its cool-off, by one click')
  }

  private tenant(): Promise<ToldTenant> {
    const { scene, people, customer } = this
    return insist(scene, () => knownTenant(scene, people.operator, customer.subdomain))
  }

  private async newestBackup(): Promise<string> {
    const { id } = await this.tenant()
    const path = `/api/admin/tenant/${id}/backups`
    const list = () => readJson<{ backups: { id: string }[] }>(this.scene, this.people.operator, path)
    const { backups } = await insist(this.scene, list)
    if (!backups[0]) throw new GiveUp('The backup is not in the list.')
    return backups[0].id
  }

  /** Where the server is the simulator's, whoever owns the app deletes everything in it by mistake. */
  private async loseData(): Promise<void> {
    const { external_id: serverId } = (await this.tenant()).server ?? {}
    const url = `${this.scene.clouds}/control/machines/${serverId}/data-loss`
    const answer = await insist(this.scene, () => fetch(url, { method: 'POST', redirect: 'manual' }))
    if (answer.status !== 303) throw new GiveUp(`The data could not be lost (${answer.status}).`)
  }

  private site(expected: Expected = {}): Promise<void> {
    return expectPage(this.scene, this.people.visitor, this.customer.subdomain, expected)
  }

  private async stop(status: Stop['status'], ...mails: string[]): Promise<void> {
    this.mails.push(...mails)
    await this.check({ status, plan: this.plan, mails: this.mails })
  }
}
