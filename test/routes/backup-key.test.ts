import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { identityToRecipient } from 'age-encryption'
import { recipientOf } from '../../src/backups/key'
import { auditEvents } from '../../src/db/schema'
import type { Objects } from '../../src/providers/objects'
import type { Browser } from '../browser-habits'
import type { Stage } from '../stage'
import { liveTenant, openLivingStage } from './living'

let stage: Stage
let operator: Browser
let id: string
beforeEach(async () => {
  stage = openLivingStage()
  Object.assign(stage.services, { objects: {} as Objects })
  operator = await stage.operator()
  id = await liveTenant(stage)
})
afterEach(() => stage.close())

const path = () => `/admin/tenants/${id}/backup-key`
const given = () =>
  stage.services.db.read
    .select()
    .from(auditEvents)
    .all()
    .filter(({ action }) => action === 'tenant.backup_key_given_out')
const keyIn = (text: string) => /AGE-SECRET-KEY-1[A-Z0-9]+/.exec(text)?.[0] ?? ''

describe('the key of a tenant’s backups', () => {
  test('is shown to who types the tenant’s name, and that it was is recorded', async () => {
    const recipient = await recipientOf(stage.services, id)
    expect(await (await operator.get(path())).text()).toContain('Show the key')
    const answer = await operator.post(path(), { confirmation: 'ada-lovelace' })
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect(await identityToRecipient(keyIn(await answer.text()))).toBe(recipient)
    expect(given()).toMatchObject([{ subject: id, actor: expect.stringContaining('usr_') }])
  })

  test('is shown to nobody who types another name', async () => {
    await recipientOf(stage.services, id)
    const answer = await operator.post(path(), { confirmation: 'ada' })
    const text = await answer.text()
    expect([answer.status, keyIn(text)]).toEqual([422, ''])
    expect(text).toContain('Type ada-lovelace to make sure that this is the one.')
    expect(given()).toEqual([])
  })

  test('is not there before the first backup', async () => {
    expect(await (await operator.get(path())).text()).toContain('There is no key')
    const answer = await operator.post(path(), { confirmation: 'ada-lovelace' })
    expect(answer.status).toBe(409)
    expect(await answer.text()).toContain('has no key: no backup of its app is kept')
    expect(given()).toEqual([])
  })

  test('stays a secret to the log', async () => {
    await recipientOf(stage.services, id)
    const identity = keyIn(await (await operator.post(path(), { confirmation: 'ada-lovelace' })).text())
    stage.services.log.info('found', { identity })
    expect(stage.lines.join()).not.toContain(identity)
  })
})
