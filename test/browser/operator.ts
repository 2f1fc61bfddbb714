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
  await page.goto(`${demo.mailbox}?to=${encodeURIComponent(demo.adminEmail)}`)
  await page
    .getByRole('link', { name: /^Sign in/ })
    .first()
    .click()
  await visitor.look('mail-login')
  const [opened] = await Promise.all([
    visitor.context.waitForEvent('page'),
    page.frameLocator('iframe').getByRole('link', { name: 'Sign in' }).click(),
  ])
  const operator = visitor.at(opened)
  await operator.look('login-confirm')
  await opened.getByRole('button', { name: 'Sign in' }).click()
  await opened.getByRole('heading', { name: 'Overview' }).waitFor()
  return operator
}

/** Presses a link of the dashboard's navigation. */
export async function open({ page }: Visitor, section: string): Promise<void> {
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: section }).click()
  await page.getByRole('heading', { name: section, level: 1 }).waitFor()
}
