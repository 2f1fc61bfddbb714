import { describe, expect, test } from 'bun:test'
import { html, page, raw } from '../../src/simulator/html'

describe('html', () => {
  test('escapes whatever is put in, in text and in attributes', () => {
    const evil = `"><script>alert('x')</script>&`
    expect(html`<p title="${evil}">${evil}</p>`.markup).toBe(
      '<p title="&quot;&gt;&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;&amp;">' +
        '&quot;&gt;&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;&amp;</p>',
    )
  })

  test('lets other html values and lists of them through, and escapes strings in lists', () => {
    const rows = ['a', '<b>'].map((name) => html`<li>${name}</li>`)
    expect(html`<ul>${rows}</ul>${['<i>', 7]}`.markup).toBe('<ul><li>a</li><li>&lt;b&gt;</li></ul>&lt;i&gt;7')
  })

  test('renders what is missing as nothing, and zero as zero', () => {
    expect(html`${null}${undefined}${false}${true}${0}`.markup).toBe('0')
  })

  test('an object that only looks like markup is not trusted', () => {
    const posted = JSON.parse('["<b>"]')
    expect(html`${posted}`.markup).toBe('&lt;b&gt;')
    expect(html`${raw('<b>')}`.markup).toBe('<b>')
  })
})

describe('page', () => {
  test('carries a policy that allows neither scripts nor inline styles', async () => {
    const response = page(html`<title>x</title>`, { status: 404, policy: { 'form-action': "'none'" } })
    const policy = response.headers.get('content-security-policy') ?? ''
    expect(response.status).toBe(404)
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("form-action 'none'")
    expect(policy).not.toContain('unsafe')
    expect(response.headers.get('referrer-policy')).toBe('same-origin')
    expect(await response.text()).toBe('<!doctype html><title>x</title>')
  })
})
