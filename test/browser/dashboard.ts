import { expect } from 'bun:test'
import type { Demo } from './demo.ts'
import type { Visitor } from './visitor.ts'

/** Asks for a link, finds it in the mailbox, opens it and presses the button. Resolves to the tab it opened in. */
export async function signIn(visitor: Visitor, demo: Demo): Promise<Visitor> {
  const { page } = visitor
  await page.goto(demo.dashboard)
  await visitor.look('login')
  await page.getByLabel('Email').fill(demo.adminEmail)
  await page.getByRole('button', { name: 'Send the link' }).click()
  await page.getByRole('heading', { name: 'Check your mail' }).waitFor()
  await visitor.look('login-sent')
  const link = await openMail(visitor, demo, demo.adminEmail, /^Sign in/)
  const operator = await link('Sign in')
  const address = operator.page.url()
  await operator.look('login-confirm')
  await operator.page.getByRole('button', { name: 'Sign in' }).click()
  await operator.page.getByRole('heading', { name: 'Overview' }).waitFor()
  await refuseUsedLink(visitor, address)
  return operator
}

async function refuseUsedLink(visitor: Visitor, address: string): Promise<void> {
  const { page } = visitor
  visitor.watch.intend(422)
  await page.goto(address)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('heading', { name: 'This link cannot be used' }).waitFor()
  await visitor.look('login-refused')
}

/** Signs in without looking at the pages on the way. Resolves to the same tab. */
export async function enter(visitor: Visitor, demo: Demo): Promise<Visitor> {
  const { page } = visitor
  await page.goto(demo.dashboard)
  await page.getByLabel('Email').fill(demo.adminEmail)
  await page.getByRole('button', { name: 'Send the link' }).click()
  await page.getByRole('heading', { name: 'Check your mail' }).waitFor()
  await page.goto(await signInLink(demo))
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('heading', { name: 'Overview' }).waitFor()
  return visitor
}

/** The newest sign-in link, as soon as its mail has come. */
async function signInLink({ mailbox, adminEmail }: Demo): Promise<string> {
  for (;;) {
    const answer = await fetch(`${mailbox}.json?to=${encodeURIComponent(adminEmail)}`)
    const { mails } = (await answer.json()) as { mails: { text: string }[] }
    const link = /http\S+\/login\/confirm\?token=[\w-]+/.exec(mails[0]?.text ?? '')?.[0]
    if (link) return link
    await Bun.sleep(20)
  }
}

/** Opens a mail in the mailbox; the result follows one of its links into a new tab. */
export async function openMail(visitor: Visitor, demo: Demo, to: string, subject: RegExp) {
  const { page, context } = visitor
  await page.goto(demo.mailbox)
  await page.getByLabel('Sent to').fill(to)
  await page.getByRole('button', { name: 'Search' }).click()
  await page.waitForURL(/to=/)
  await visitor.look('mailbox')
  await page.getByRole('link', { name: subject }).first().click()
  return async (name: string): Promise<Visitor> => {
    const link = page.frameLocator('iframe').getByRole('link', { name }).first()
    const [opened] = await Promise.all([context.waitForEvent('page'), link.click()])
    await opened.waitForLoadState()
    return visitor.at(opened)
  }
}

/** Presses a link of the dashboard's navigation. */
export async function open({ page }: Visitor, section: string): Promise<void> {
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: section }).click()
  await page.getByRole('heading', { name: section, level: 1 }).waitFor()
}

/** Searches, filters and sorts a list of exactly two tenants. */
export async function browseTenants(operator: Visitor, ada: string, grace: string): Promise<void> {
  const { page } = operator
  await open(operator, 'Tenants')
  await operator.look('tenants')
  await page.getByRole('columnheader', { name: 'Name' }).getByRole('link').click()
  await page.getByRole('columnheader', { name: 'Name' }).and(page.locator('[aria-sort=ascending]')).waitFor()
  expect(await names(operator)).toEqual([ada, grace])
  await page.getByRole('columnheader', { name: 'Name' }).getByRole('link').click()
  await page.getByRole('columnheader', { name: 'Name' }).and(page.locator('[aria-sort=descending]')).waitFor()
  expect(await names(operator)).toEqual([grace, ada])
  await page.getByLabel('Plan').selectOption('Pro')
  await page.getByRole('heading', { name: '1 tenant' }).waitFor()
  expect(await names(operator)).toEqual([grace])
  await page.getByLabel('Name or email').pressSequentially('nobody-here')
  await page.getByText('No tenant matches').waitFor()
  expect(new URL(page.url()).searchParams.get('q')).toBe('nobody-here')
  await operator.look('tenants-empty')
  await page.getByRole('link', { name: 'Show all tenants' }).click()
  await page.getByLabel('Name or email').pressSequentially(`${ada}@`)
  await page.getByRole('heading', { name: '1 tenant' }).waitFor()
  expect(await names(operator)).toEqual([ada])
}

function names({ page }: Visitor): Promise<string[]> {
  return page.locator('tbody .row-link').allInnerTexts()
}
