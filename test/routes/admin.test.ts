import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { auditEvents, runs, signups, tenants } from '../../src/db/schema'
import { getRun } from '../../src/runs/run'
import type { Browser } from '../browser-habits'
import { BASE_URL, openStage, type Stage } from '../stage'
import { elementsOf, unescaped } from '../views/dom'

let stage: Stage
let operator: Browser
beforeEach(async () => {
  stage = openStage()
  operator = await stage.operator()
})
afterEach(() => stage.close())

const audited = (action: string) =>
  stage.services.db.read
    .select()
    .from(auditEvents)
    .all()
    .filter((event) => event.action === action)

/** A tenant whose provisioning has failed at its third step. */
async function failed() {
  const made = await stage.tenant()
  const { sqlite } = stage.services.db
  sqlite.run(
    "UPDATE runs SET status = 'failed', step = 'create-server', reason = 'No room.', finished_at = 1",
  )
  sqlite.run("UPDATE steps SET status = 'succeeded', output = '{}' WHERE position < 2")
  sqlite.run("UPDATE steps SET status = 'failed', reason = 'No room.' WHERE position = 2")
  sqlite.run("UPDATE tenants SET status = 'failed'; ")
  sqlite.run("UPDATE signups SET status = 'failed'")
  return made
}

describe('approving a signup', () => {
  test('leads to its run, once, in the operator’s name', async () => {
    const id = await stage.paidSignup()
    const path = `/admin/signups/${id}/approval`
    const list = await (await operator.get('/admin/signups?status=paid')).text()
    expect(elementsOf(list).filter(({ attributes }) => attributes.get('action') === path)).toHaveLength(1)
    const first = await operator.post(path)
    expect(first.status).toBe(303)
    expect(first.headers.get('location')).toMatch(/^\/admin\/runs\/run_\w+$/)
    expect((await operator.get(first.headers.get('location')!)).status).toBe(200)
    const second = await operator.post(path)
    expect(second.status).toBe(409)
    expect(await second.text()).toContain('Only a paid signup that waits for approval')
    expect(stage.services.db.read.select().from(runs).all()).toHaveLength(1)
    expect(audited('signup.approved')).toMatchObject([{ actor: expect.stringMatching(/^usr_/), subject: id }])
  })

  test('by two operators’ browsers at once has one winner', async () => {
    const path = `/admin/signups/${await stage.paidSignup()}/approval`
    const other = await stage.operator()
    const answers = await Promise.all([operator.post(path), other.post(path)])
    expect(answers.map(({ status }) => status).sort()).toEqual([303, 409])
  })

  test('of one that is not paid is a conflict, and of none a 404', async () => {
    expect((await operator.post(`/admin/signups/${stage.signup()}/approval`)).status).toBe(409)
    expect((await operator.post('/admin/signups/sig_x/approval')).status).toBe(404)
    expect(stage.services.db.read.select().from(tenants).all()).toEqual([])
  })
})

describe('what an operator is refused', () => {
  const wayOn = async (answer: Response) => {
    const link = elementsOf(await answer.text()).find(({ attributes }) =>
      attributes.get('class')?.includes('button-primary'),
    )
    return [answer.status, unescaped(link?.attributes.get('href') ?? '')]
  }

  test('leads back to the page that they came from, else to the overview, never to the shop', async () => {
    const path = `/admin/signups/${stage.signup()}/approval`
    const from = (referer: string) => operator.post(path, {}, { referer })
    const list = '/admin/signups?status=paid&page=2'
    expect(await wayOn(await from(BASE_URL + list))).toEqual([409, list])
    for (const elsewhere of ['https://evil.example/admin', `${BASE_URL}/signup`, 'nonsense', ''])
      expect(await wayOn(await from(elsewhere))).toEqual([409, '/admin'])
    expect(await wayOn(await operator.get('/admin/tenants/ten_x'))).toEqual([404, '/admin'])
    expect(await wayOn(await stage.browser().get('/nowhere'))).toEqual([404, '/'])
  })
})

describe('a run that failed', () => {
  test('can be tried again, once', async () => {
    const { runId, tenantId, signupId } = await failed()
    const answers = [
      await operator.post(`/admin/runs/${runId}/retry`),
      await operator.post(`/admin/runs/${runId}/retry`),
    ]
    expect(answers.map(({ status }) => status)).toEqual([303, 409])
    const { read } = stage.services.db
    expect(getRun(read, runId).status).toBe('queued')
    expect(read.select().from(tenants).all()).toMatchObject([{ id: tenantId, status: 'provisioning' }])
    expect(read.select().from(signups).all()).toMatchObject([{ id: signupId, status: 'provisioning' }])
    expect(audited('run.retried')).toHaveLength(1)
  })

  test('is undone only by whoever types the name of what will be lost', async () => {
    const { runId } = await failed()
    const page = await (await operator.get(`/admin/runs/${runId}/undo`)).text()
    // What is undone is the run: the tenant itself may well stay.
    expect(page).toContain('Undo provision of ada-lovelace?')
    for (const confirmation of ['', 'ada', 'ADA-LOVELACE', 'yes', 'ada-lovelace2']) {
      const answer = await operator.post(`/admin/runs/${runId}/undo`, { confirmation })
      expect(answer.status).toBe(422)
      expect(await answer.text()).toContain('Type ada-lovelace to make sure')
    }
    expect(getRun(stage.services.db.read, runId).status).toBe('failed')
    const answer = await operator.post(`/admin/runs/${runId}/undo`, { confirmation: ' ada-lovelace ' })
    expect([answer.status, answer.headers.get('location')]).toEqual([303, `/admin/runs/${runId}`])
    expect(getRun(stage.services.db.read, runId)).toMatchObject({ status: 'queued', direction: 'undo' })
    expect((await operator.post(`/admin/runs/${runId}/undo`, { confirmation: 'ada-lovelace' })).status).toBe(
      409,
    )
  })

  test('is the only kind that can be: one that runs, one of long ago and none at all are refused', async () => {
    const { runId } = await stage.tenant('ada-running', 'running@example.com')
    expect((await operator.post(`/admin/runs/${runId}/retry`)).status).toBe(409)
    expect((await operator.post(`/admin/runs/${runId}/undo`, { confirmation: 'ada-running' })).status).toBe(
      409,
    )
    for (const id of ['run_x', '%00', 'x'.repeat(3_000)]) {
      expect((await operator.post(`/admin/runs/${id}/retry`)).status).toBe(404)
      expect((await operator.get(`/admin/runs/${id}/undo`)).status).toBe(404)
      expect((await operator.get(`/admin/runs/${id}`)).status).toBe(404)
    }
  })
})

describe('what could not be dealt with', () => {
  test('can be tried again from the overview, once, and says so in the audit log', async () => {
    const { sqlite } = stage.services.db
    sqlite.run(
      "INSERT INTO inbox (source, event_id, type, object_id, status, reason, available_at, occurred_at, received_at) VALUES ('stripe', 'evt_1', 'checkout.session.completed', 'cs_1', 'failed', 'Odd.', 0, 0, 0)",
    )
    sqlite.run("UPDATE outbox SET status = 'failed', reason = 'Bounced.'")
    const page = elementsOf(await (await operator.get('/admin')).text())
    const actions = page
      .flatMap(({ attributes }) => attributes.get('action') ?? [])
      .filter((action) => /(events|mails)\/.*retry$/.test(action))
    expect(actions.length).toBeGreaterThanOrEqual(2)
    for (const action of actions) {
      expect((await operator.post(action)).status).toBe(303)
      expect([404, 409]).toContain((await operator.post(action)).status)
    }
    expect(sqlite.query("SELECT count(*) AS count FROM inbox WHERE status = 'received'").get()).toEqual({
      count: 1,
    })
  })

  test('can be dismissed from the overview, once, and is no trouble any more', async () => {
    const { sqlite } = stage.services.db
    sqlite.run(
      "INSERT INTO inbox (source, event_id, type, object_id, status, reason, available_at, occurred_at, received_at) VALUES ('stripe', 'evt_2', 'invoice.paid', 'in_1', 'failed', 'Odd.', 0, 0, 0)",
    )
    sqlite.run("UPDATE outbox SET status = 'failed', reason = 'Bounced.'")
    const dismissals = async () =>
      elementsOf(await (await operator.get('/admin')).text())
        .flatMap(({ attributes }) => attributes.get('action') ?? [])
        .filter((action) => /(events|mails)\/.*dismissal$/.test(action))
    const actions = await dismissals()
    expect(actions.length).toBeGreaterThanOrEqual(2)
    for (const action of actions) {
      expect((await operator.post(action)).status).toBe(303)
      expect((await operator.post(action)).status).toBe(409)
    }
    expect(await dismissals()).toEqual([])
    const audited = sqlite.query("SELECT count(*) AS count FROM audit_events WHERE action LIKE '%.dismissed'")
    expect(audited.get()).toEqual({ count: actions.length })
  })

  test('that is not there is a 404', async () => {
    for (const path of ['/admin/events/evt_x', '/admin/mails/msg_x'].flatMap((one) => [
      `${one}/retry`,
      `${one}/dismissal`,
    ]))
      expect((await operator.post(path)).status).toBe(404)
  })
})

describe('the overview', () => {
  const MORE = ['More runs have failed', 'There are more of these', 'More signups wait for your approval']
  const saysMore = async () => {
    const text = await (await operator.get('/admin')).text()
    return MORE.filter((words) => text.includes(words))
  }

  test('says so when more waits for a person than it shows, and where', async () => {
    const { sqlite } = stage.services.db
    const event = (number: number) =>
      sqlite.run(
        "INSERT INTO inbox (source, event_id, type, object_id, status, reason, available_at, occurred_at, received_at) VALUES ('stripe', 'evt_' || ?, 'charge.refunded', 'ch_1', 'failed', 'Odd.', 0, 0, 0)",
        [number],
      )
    const SHOWN = 20
    for (let number = 0; number <= SHOWN; number++) {
      expect(await saysMore()).toEqual([])
      await stage.tenant(`run-${number}`, `${number}@example.com`)
      await stage.paidSignup(`paid-${number}`, `${number}@example.com`)
      event(number)
      sqlite.run("UPDATE runs SET status = 'failed', reason = 'No room.'")
    }
    expect(await saysMore()).toEqual(MORE)
    const links = elementsOf(await (await operator.get('/admin')).text()).map(({ attributes }) =>
      unescaped(attributes.get('href') ?? ''),
    )
    for (const list of ['/admin/runs?status=failed', '/admin/signups?status=paid&sort=created&dir=asc'])
      expect(links).toContain(list)
  })
})

describe('a list', () => {
  const rows = async (path: string) =>
    elementsOf(await (await operator.get(path)).text()).filter(({ tag }) => tag === 'tr').length

  test('is empty with words, and searched and filtered by what the address says', async () => {
    for (const path of ['/admin/signups', '/admin/tenants', '/admin/runs']) {
      expect((await operator.get(path)).status).toBe(200)
      expect(await rows(`${path}?q=nothing-like-this`)).toBeLessThanOrEqual(1)
    }
    await stage.tenant('ada-one', 'one@example.com')
    await stage.paidSignup('ada-two', 'two@example.com')
    expect(await rows('/admin/signups')).toBe(3)
    expect(await rows('/admin/signups?status=paid')).toBe(2)
    expect(await rows('/admin/signups?q=two@EXAMPLE')).toBe(2)
    expect(await rows('/admin/tenants?q=ada-one')).toBe(2)
    expect(await rows('/admin/tenants?plan=virtues/starter&status=provisioning&sort=plan&dir=asc')).toBe(2)
  })

  test.each([
    'page=0',
    'page=-5',
    'page=99999999999',
    'page=1e3',
    'page=%00',
    'status=__proto__',
    'sort=constructor',
    'plan=..',
    'dir=x',
    `q=${'%25'.repeat(500)}`,
  ])('asked with %s is a page all the same', async (query) => {
    await stage.tenant()
    for (const path of ['/admin/signups', '/admin/tenants', '/admin/runs']) {
      expect((await operator.get(`${path}?${query}`)).status).toBe(200)
    }
    expect(stage.lines).toEqual([])
  })

  test('beyond its last page shows no row and no mistake', async () => {
    await stage.tenant()
    expect(await rows('/admin/tenants?page=7')).toBeLessThanOrEqual(1)
  })
})
