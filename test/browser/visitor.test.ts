import { expect, test } from 'bun:test'
import { describeWith } from '../needs.ts'
import { openBrowser, PHONE, Visitor } from './visitor.ts'

const BROKEN = `<!doctype html><html lang="en"><head><link rel="icon" href="/gone.svg"></head><body>
<main><img src="/icon.svg"><p style="color:red">Styled against the policy</p>
<div>${'wide'.repeat(200)}</div><script>undefinedFunction()</script></main></body></html>`
const SOUND = `<!doctype html><html lang="en"><head><title>Sound</title><link rel="icon" href="/icon.svg"></head>
<body><main><h1>Sound</h1></main></body></html>`
const ICON = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><rect width="1" height="1"/></svg>'
const POLICY = "default-src 'none'; img-src 'self'; script-src 'unsafe-inline'"

const TEST_TIMEOUT_MS = 30_000

describeWith('chromium', 'the checks of every page', (chromium) => {
  test(
    'find each fault of a broken page, and none in a sound one',
    async () => {
      const server = serve()
      const browser = await openBrowser(chromium)
      try {
        const visitor = await Visitor.arrive(browser, 'light', PHONE)
        await visitor.page.goto(`${server.url}sound`)
        await visitor.look('control')
        expect(visitor.watch.report()).toEqual([])
        visitor.watch.intend(422)
        await visitor.page.goto(`${server.url}broken`)
        await visitor.look('control')
        const report = visitor.watch.report().join('\n')
        for (const fault of [
          'has no title',
          'has no icon at',
          'violation of style-src',
          'undefinedFunction is not defined',
          'image-alt',
          'scrolls sideways at a width of 390',
          'status of 404',
          'no answer had the status 422',
        ]) {
          expect(report).toContain(fault)
        }
      } finally {
        await browser.close()
        await server.stop(true)
      }
    },
    TEST_TIMEOUT_MS,
  )
})

function serve() {
  return Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch(request) {
      const { pathname } = new URL(request.url)
      if (pathname === '/icon.svg')
        return new Response(ICON, { headers: { 'content-type': 'image/svg+xml' } })
      if (pathname === '/gone.svg') return new Response(null, { status: 404 })
      const headers = { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': POLICY }
      return new Response(pathname === '/broken' ? BROKEN : SOUND, { headers })
    },
  })
}
