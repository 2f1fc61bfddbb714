import { afterEach, beforeEach, expect, test } from 'bun:test'
import { type Account, CARD, openAccount, STARTER, submit } from './stripe-account'

let account: Account

beforeEach(() => {
  account = openAccount()
})

afterEach(() => account.close())

/** The address of a fresh checkout's page. */
async function payPage(): Promise<string> {
  const { url } = await account.openCheckout()
  return url ?? ''
}

function sales(): number {
  return account.twin.store.subscriptions.all().length
}

/** The value of an input on a page. */
function typedAt(page: string, name: string): string | undefined {
  return new RegExp(`name="${name}"[^>]*? value="([^"]*)"`).exec(page)?.[1]
}

/** What stands beside a field, and only if the field points to it. */
function problemAt(page: string, name: string): string | undefined {
  const isMarked = new RegExp(
    `name="${name}"[^>]*aria-invalid="true" aria-describedby="${name}-problem"`,
  ).test(page)
  return isMarked ? new RegExp(`id="${name}-problem">([^<]*)<`).exec(page)?.[1] : undefined
}

test('the page shows what is bought, for how much, and the email that the shop gave', async () => {
  const response = await fetch(await payPage())
  const page = await response.text()
  expect(response.status).toBe(200)
  expect(page).toContain('Subscribe to Virtues Starter')
  expect(page).toContain('$29.00')
  expect(page).toContain('per month')
  expect(page).toContain('Test mode')
  expect(typedAt(page, 'email')).toBe('ada@example.com')
  expect(page).toContain('href="http://shop.localhost/signup"')
})

test('the page runs no script and no inline style, and leads only to the shop', async () => {
  const response = await fetch(await payPage())
  const policy = response.headers.get('content-security-policy') ?? ''
  expect(policy).toContain("default-src 'none'")
  expect(policy).toContain("form-action 'self' http://shop.localhost;")
  expect(policy).not.toContain('unsafe')
  const page = await response.text()
  expect(page).not.toMatch(/<script|<style|\sstyle=|\son[a-z]+=/)
  for (const path of ['/checkout/styles.css', '/checkout/icon.svg']) {
    expect(page).toContain(path)
    expect((await fetch(`${account.url}${path}`)).status).toBe(200)
  }
})

test('4242 pays and returns to the shop with the session’s id', async () => {
  const { id, url } = await account.openCheckout()
  const response = await submit(url, CARD)
  expect(response.status).toBe(303)
  expect(response.headers.get('location')).toBe(`http://shop.localhost/signup/success?session=${id}`)
  expect(sales()).toBe(1)
})

test('the number may have spaces, dashes or nothing, the date four spellings', async () => {
  const spellings = [
    ['4242424242424242', '1234'],
    ['4242-4242-4242-4242', '12/34'],
    [' 4242 4242 4242 4242 ', '12-2034'],
    ['5555 5555 5555 4444', '12 / 2034'],
  ]
  for (const [index, [number = '', expiry = '']] of spellings.entries()) {
    const { url } = await account.openCheckout(`key-${index}`)
    expect((await submit(url, { ...CARD, number, expiry })).status).toBe(303)
  }
  expect(sales()).toBe(4)
})

const DECLINED = [
  ['4000 0000 0000 0002', 'Your card was declined.'],
  ['4000 0000 0000 9995', 'Your card has insufficient funds.'],
  ['4000 0000 0000 0127', 'Your card&#x27;s security code is incorrect.'],
  ['4012 8888 8888 1881', 'Your card was declined. Your request was in test mode, but used a non test card.'],
]

for (const [number = '', message = ''] of DECLINED) {
  test(`${number} is declined, the page says why, and another card still pays`, async () => {
    const address = await payPage()
    const response = await submit(address, { ...CARD, number })
    const page = await response.text()
    expect(response.status).toBe(402)
    expect(page).toContain(`role="alert">${message}`)
    expect(typedAt(page, 'number')).toBe(number)
    expect(typedAt(page, 'expiry')).toBe('12 / 34')
    expect(typedAt(page, 'cvc')).toBe('')
    expect(typedAt(page, 'name')).toBe('Ada Lovelace')
    expect(sales()).toBe(0)
    expect((await submit(address, CARD)).status).toBe(303)
  })
}

const MISTYPED: [field: string, typed: string, problem: string][] = [
  ['number', '', 'Required'],
  ['number', '4242 4242', 'Your card number is incomplete.'],
  ['number', '4242 4242 4242 4241', 'Your card number is invalid.'],
  ['number', 'hello', 'Your card number is invalid.'],
  ['expiry', '', 'Required'],
  ['expiry', '1', 'Your card&#x27;s expiration date is incomplete.'],
  ['expiry', '13/34', 'Your card&#x27;s expiration date is invalid.'],
  ['expiry', '10/26', 'Your card&#x27;s expiration date is in the past.'],
  ['expiry', '12/20', 'Your card&#x27;s expiration year is in the past.'],
  ['expiry', '12/2099', 'Your card&#x27;s expiration year is invalid.'],
  ['cvc', '', 'Required'],
  ['cvc', '12', 'Your card&#x27;s security code is incomplete.'],
  ['cvc', 'abc', 'Your card&#x27;s security code is invalid.'],
  ['name', ' ', 'Required'],
]

for (const [field, typed, problem] of MISTYPED) {
  test(`${field} '${typed}' is wrong, and the reason stands beside it`, async () => {
    const response = await submit(await payPage(), { ...CARD, [field]: typed })
    const page = await response.text()
    expect(response.status).toBe(422)
    expect(problemAt(page, field)).toBe(problem)
    const others = ['number', 'expiry', 'cvc', 'name'].filter((name) => name !== field)
    for (const other of others) expect(problemAt(page, other)).toBeUndefined()
    expect(sales()).toBe(0)
  })
}

test('a card that ends this month still pays', async () => {
  expect((await submit(await payPage(), { ...CARD, expiry: '11/26' })).status).toBe(303)
})

test('an amex number is grouped as on the card and has a code of four digits', async () => {
  const address = await payPage()
  const amex = { ...CARD, number: '378282246310005' }
  const page = await (await submit(address, { ...amex, cvc: '123' })).text()
  expect(typedAt(page, 'number')).toBe('3782 822463 10005')
  expect(problemAt(page, 'cvc')).toBe('Your card&#x27;s security code is incomplete.')
  expect((await submit(address, { ...amex, cvc: '1234' })).status).toBe(303)
})

test('a 3-D Secure card asks for confirmation, and pays when it is completed', async () => {
  const { id, url } = await account.openCheckout()
  const asked = await submit(url, { ...CARD, number: '4000 0027 6000 3184' })
  expect(asked.headers.get('location')).toBe(`/checkout/pay/${id}/authentication`)
  expect(sales()).toBe(0)
  const bank = `${url}/authentication`
  const page = await (await fetch(bank)).text()
  expect(page).toContain('value="complete"')
  expect(page).toContain('value="fail"')
  const paid = await submit(bank, { result: 'complete' })
  expect(paid.headers.get('location')).toContain(`session=${id}`)
  expect(sales()).toBe(1)
})

test('a 3-D Secure card that fails goes back to the form and charges nothing', async () => {
  const address = await payPage()
  await submit(address, { ...CARD, number: '4000 0027 6000 3184' })
  const failed = await submit(`${address}/authentication`, { result: 'fail' })
  expect(failed.status).toBe(402)
  const page = await failed.text()
  expect(page).toContain('We are unable to authenticate your payment method.')
  expect(typedAt(page, 'name')).toBe('Ada Lovelace')
  expect(sales()).toBe(0)
  const again = await submit(`${address}/authentication`, { result: 'complete' })
  expect(again.headers.get('location')).toBe(new URL(address).pathname)
  expect(sales()).toBe(0)
})

test('the form of a failed confirmation is sent to the payment page, not to the bank’s', async () => {
  const address = await payPage()
  await submit(address, { ...CARD, number: '4000 0027 6000 3184' })
  const page = await (await submit(`${address}/authentication`, { result: 'fail' })).text()
  expect(page).toContain(`action="${new URL(address).pathname}"`)
})

test('paying twice sells once', async () => {
  const address = await payPage()
  const [first, second] = await Promise.all([submit(address, CARD), submit(address, CARD)])
  expect([first.status, second.status].toSorted()).toEqual([200, 303])
  const page = await (await fetch(address)).text()
  expect(page).toContain('This payment is complete')
  expect(page).toContain('href="http://shop.localhost/signup/success?session=')
  expect(sales()).toBe(1)
})

test('an expired checkout says so and sells nothing', async () => {
  const address = await payPage()
  account.clock.advance(3_600_000)
  const response = await submit(address, CARD)
  expect(response.status).toBe(410)
  expect(await response.text()).toContain('This page has expired')
  expect(sales()).toBe(0)
})

test('an unknown checkout is 404, another method 405', async () => {
  expect((await fetch(`${account.url}/checkout/pay/cs_none`)).status).toBe(404)
  expect((await fetch(await payPage(), { method: 'DELETE' })).status).toBe(405)
})

test('without an email from the shop the page asks for one', async () => {
  const form = {
    mode: 'subscription',
    'line_items[0][price]': STARTER,
    'line_items[0][quantity]': '1',
    success_url: 'http://shop.localhost/success',
  }
  const { url } = (await (await account.call('POST', '/checkout/sessions', form)).json()) as { url: string }
  const refused = await submit(url, { ...CARD, email: 'ada' })
  expect(problemAt(await refused.text(), 'email')).toBe('Enter a valid email address.')
  expect((await submit(url, { ...CARD, email: 'eve@example.com' })).status).toBe(303)
  expect(account.twin.store.customers.all().map(({ email }) => email)).toEqual(['eve@example.com'])
})

test('an email that the shop gave cannot be changed by the form', async () => {
  await submit(await payPage(), { ...CARD, email: 'eve@example.com' })
  expect(account.twin.store.customers.all().map(({ email }) => email)).toEqual(['ada@example.com'])
})

test('what is typed never becomes markup', async () => {
  const markup = '"><script>alert(1)</script>'
  const page = await (
    await submit(await payPage(), { ...CARD, number: markup, expiry: markup, name: markup })
  ).text()
  expect(page).not.toContain('<script')
})

test('the card’s number is kept nowhere', async () => {
  await submit(await payPage(), { ...CARD, number: '4000 0027 6000 3184' })
  await submit(await payPage(), CARD)
  const kept = JSON.stringify([
    account.world.table('stripe_attempts').all(),
    account.twin.store.methods.all(),
    account.twin.store.charges.all(),
    account.twin.store.events.all(),
  ])
  expect(kept).toContain('3184')
  expect(kept).not.toMatch(/4000002760003184|4242424242424242/)
})
