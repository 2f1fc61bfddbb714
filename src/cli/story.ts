import { GiveUp, insist, until } from './patience'
import { tellSteps } from './story/run'
import { type Customer, locationOf, mailsTo, type People, type Scene, tenantOf } from './story/scene'
import { expectPage, hostOf } from './story/site'
import { Visitor } from './visitor'

const CARD = { number: '4242 4242 4242 4242', expiry: '12 / 34', cvc: '123', name: 'Ada' }

/**
 * From the landing page to the customer's live site, through the same routes that browsers use. Every part looks
 * first whether it is done, and is tried again when Atlas is gone for a moment. Resolves to who lived it. Throws when a
 * part goes wrong.
 */
export async function liveStory(scene: Scene, customer: Customer): Promise<People> {
  const visitor = new Visitor()
  await readLandingPage(scene, visitor)
  await checkName(scene, visitor, customer)
  const checkoutUrl = await signUp(scene, visitor, customer)
  const confirmationUrl = await pay(scene, visitor, customer, checkoutUrl)
  await followSignup(scene, visitor, confirmationUrl, { part: 'paid', words: 'Payment received' })

  const operator = new Visitor()
  await signIn(scene, operator)
  await approve(scene, operator, customer)
  await followProvisioning(scene, operator, customer)

  await followSignup(scene, visitor, confirmationUrl, { part: 'live', words: 'Your site is live' })
  await readWelcomeMail(scene, customer)
  await visitSite(scene, visitor, customer)
  return { visitor, operator }
}

async function readLandingPage(scene: Scene, visitor: Visitor): Promise<void> {
  const page = await insist(scene, async () => (await visitor.get(`${scene.atlas}/`)).text())
  const plans = new Set(Array.from(page.matchAll(/\/signup\?plan=([\w-]+)/g), ([, plan]) => plan))
  if (plans.size === 0) throw new Error('The landing page offers no plan.')
  scene.tell('landing page', `offers ${[...plans].join(' and ')}`)
}

async function checkName(scene: Scene, visitor: Visitor, { subdomain }: Customer): Promise<void> {
  const hint = await insist(scene, async () =>
    (await visitor.get(`${scene.atlas}/signup/subdomain?subdomain=${subdomain}`)).text(),
  )
  scene.tell('name', hint.replace(/<[^>]+>/g, '').trim())
}

async function signUp(scene: Scene, visitor: Visitor, customer: Customer): Promise<string> {
  const checkoutUrl = await insist(scene, async () => {
    const answer = await visitor.post(`${scene.atlas}/signup`, customer)
    return locationOf(answer, 'The signup was not accepted')
  })
  scene.tell('signed up', `${customer.email} for ${customer.plan}`)
  return checkoutUrl
}

function pay(scene: Scene, visitor: Visitor, { email }: Customer, checkoutUrl: string): Promise<string> {
  return insist(scene, async () => {
    const answer = await visitor.post(checkoutUrl, { email, ...CARD })
    return locationOf(answer, 'The card was not accepted')
  })
}

async function followSignup(
  scene: Scene,
  visitor: Visitor,
  url: string,
  { part, words }: { part: string; words: string },
): Promise<void> {
  await until(scene, `the signup’s page to say “${words}”`, async () => {
    const page = await (await visitor.get(url)).text()
    return page.includes(words)
  })
  scene.tell(part, `the confirmation page says “${words}”`)
}

async function signIn(scene: Scene, operator: Visitor): Promise<void> {
  await insist(scene, async () => {
    const old = new Set(await signInLinks(scene))
    const asked = await operator.post(`${scene.atlas}/login`, { email: scene.adminEmail })
    if (!asked.ok) throw new Error(`No sign-in link could be asked for (${asked.status}).`)
    const link = await insist(scene, async () => {
      const fresh = (await signInLinks(scene)).find((one) => !old.has(one))
      if (!fresh) throw new Error('No sign-in mail has come.')
      return fresh
    })
    const token = new URL(link).searchParams.get('token') ?? ''
    const answer = await operator.post(`${scene.atlas}/login/confirm`, { token })
    // A late mail may hold a link that was asked for before a crash, in a browser that never got its cookie.
    if (answer.status !== 303) throw new Error(`The link was not accepted (${answer.status}).`)
  })
  scene.tell('operator', `signed in as ${scene.adminEmail}, by the link in the mailbox`)
}

/** The operator's sign-in links, newest first. */
async function signInLinks(scene: Scene): Promise<string[]> {
  const mails = await mailsTo(scene, scene.adminEmail)
  return mails.flatMap(({ text }) => /http\S+\/login\/confirm\?token=[\w-]+/.exec(text)?.[0] ?? [])
}

async function approve(scene: Scene, operator: Visitor, { subdomain }: Customer): Promise<void> {
  await insist(scene, async () => {
    const list = await (await operator.get(`${scene.atlas}/admin/signups?status=paid&q=${subdomain}`)).text()
    const action = /action="(\/admin\/signups\/[^"]+\/approval)"/.exec(list)?.[1]
    if (action) locationOf(await operator.post(`${scene.atlas}${action}`), 'The signup was not approved')
    else if (!(await tenantOf(scene, operator, subdomain)))
      throw new Error('No paid signup waits for approval.')
  })
  scene.tell('approved', subdomain)
}

async function followProvisioning(scene: Scene, operator: Visitor, { subdomain }: Customer): Promise<void> {
  const told = new Set<string>()
  await until(scene, `${subdomain} to be live`, async () => {
    const tenant = await tenantOf(scene, operator, subdomain)
    if (!tenant?.run) return false
    await tellSteps(scene, operator, { runId: tenant.run.id, part: 'provisioned', told })
    if (tenant.status === 'failed') throw new GiveUp(`${subdomain} could not be provisioned.`)
    return tenant.status === 'active'
  })
}

async function readWelcomeMail(scene: Scene, customer: Customer): Promise<void> {
  const mail = await insist(scene, async () => {
    const mails = await mailsTo(scene, customer.email)
    const welcome = mails.find(({ subject }) => subject.includes('is live'))
    if (!welcome?.html || !welcome.text) throw new Error('No welcome mail in HTML and text has come.')
    return welcome
  })
  scene.tell('welcome mail', `“${mail.subject}”, in HTML and text`)
}

async function visitSite(scene: Scene, visitor: Visitor, { subdomain }: Customer): Promise<void> {
  for (const path of ['/', '/health']) await expectPage(scene, visitor, subdomain, { path })
  scene.tell('site', `http://${hostOf(scene, subdomain)} answers, and its /health too`)
}
