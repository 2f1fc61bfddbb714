import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { type Child, Html, jsx, raw } from '../../views/jsx-runtime'
import { elementsOf, unescaped } from './dom'

const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom('<', '>', '"', "'", '&', '/', '=', '`', ' ', '\n', '\0', 'a', ';') }),
  fc.constantFrom(
    '<script>alert(1)</script>',
    '"><img src=x onerror=alert(1)>',
    "' hx-get='/x",
    '&lt;',
    ']]>',
  ),
)

describe('text between tags', () => {
  test('no string can introduce markup, and every string comes back whole', () => {
    fc.assert(
      fc.property(text, (nasty) => {
        const markup = String(<p>{nasty}</p>)
        expect(markup.startsWith('<p>') && markup.endsWith('</p>')).toBe(true)
        const inner = markup.slice(3, -4)
        expect(inner).not.toMatch(/[<>"']/)
        expect(unescaped(inner)).toBe(nasty)
        expect(elementsOf(markup).map((found) => found.tag)).toEqual(['p'])
      }),
    )
  })

  test('strings stay text at every depth of lists, fragments and components', () => {
    const Row = ({ words }: { words: string[] }) => (
      <>
        {words.map((word) => (
          <Quote>{word}</Quote>
        ))}
        <hr />
      </>
    )
    const Quote = ({ children }: { children?: Child }) => <em>{[[children], null]}</em>
    fc.assert(
      fc.property(fc.array(text, { maxLength: 4 }), (nasty) => {
        const markup = String(
          <div>
            <Row words={nasty} />
          </div>,
        )
        expect(elementsOf(markup).map((found) => found.tag)).toEqual(['div', ...nasty.map(() => 'em'), 'hr'])
      }),
    )
  })

  test('numbers are written, while nothing, true and false are not', () => {
    expect(String(<p>{[0, 12n, null, undefined, true, false]}</p>)).toBe('<p>012</p>')
  })

  test('an object that only looks like markup is refused', () => {
    const forged = { toString: () => '<b>', markup: '<b>' }
    expect(() => jsx('p', { children: forged })).toThrow(TypeError)
    expect(() => jsx('p', { children: Promise.resolve('late') })).toThrow(TypeError)
  })

  test('only raw lets our own markup through', () => {
    expect(String(<p>{raw('<b>ours</b>')}</p>)).toBe('<p><b>ours</b></p>')
    expect(<p>kept</p>).toBeInstanceOf(Html)
  })
})

describe('attributes', () => {
  test('no string can leave its attribute, and every string comes back whole', () => {
    fc.assert(
      fc.property(text, text, (nasty, other) => {
        const [found, ...rest] = elementsOf(String(<input title={nasty} data-note={other} />))
        expect(rest).toEqual([])
        expect([...(found?.attributes.keys() ?? [])]).toEqual(['title', 'data-note'])
        const markup = String(<input title={nasty} />)
        if (nasty !== '') expect(unescaped(markup.slice('<input title="'.length, -2))).toBe(nasty)
      }),
    )
  })

  test('no name taken from input can become an attribute of its own', () => {
    fc.assert(
      fc.property(text, (nasty) => {
        fc.pre(!/^[A-Za-z][\w:-]*$/.test(nasty) && nasty !== 'children')
        expect(() => jsx('p', { [nasty]: 'x' })).toThrow(TypeError)
      }),
    )
  })

  test('false and nothing leave the attribute out, true writes it bare, lists are joined', () => {
    expect(String(<input disabled checked={false} name={undefined} class={['a', false, 'b']} />)).toBe(
      '<input disabled class="a b">',
    )
  })

  test('aria states are words', () => {
    expect(String(<ul aria-atomic={false} aria-busy={true} />)).toBe(
      '<ul aria-atomic="false" aria-busy="true"></ul>',
    )
  })

  test.each([
    'javascript:alert(1)',
    ' JavaScript:x',
    'java\nscript:x',
    '\u0001javascript:x',
    'data:text/html,x',
  ])('a link to %p is refused', (url) => {
    for (const name of ['href', 'src', 'action', 'formaction', 'hx-get', 'hx-post', 'hx-sse:connect']) {
      expect(() => jsx('a', { [name]: url })).toThrow(TypeError)
    }
  })

  test('any scheme but http, https and mailto is refused in a link', () => {
    const schemes = fc.stringMatching(/^[a-z][a-z0-9+.-]{0,9}$/)
    fc.assert(
      fc.property(schemes, (scheme) => {
        fc.pre(!['http', 'https', 'mailto'].includes(scheme))
        expect(() => jsx('a', { href: `${scheme}:x` })).toThrow(TypeError)
      }),
    )
  })

  test('ordinary links pass', () => {
    for (const url of [
      '/',
      '/a?b=c:d',
      '#top',
      'https://a.example/',
      'mailto:a@b.example',
      '?page=2',
      'a/b',
    ]) {
      expect(String(<a href={url}>go</a>)).toContain(`href="${Bun.escapeHTML(url)}"`)
    }
  })

  test('an htmx request cannot leave this origin or carry script', () => {
    for (const url of ['//evil.example/', '/\\evil.example', 'https://evil.example/', 'js:x']) {
      expect(() => jsx('div', { 'hx-get': url })).toThrow(TypeError)
    }
    expect(() => jsx('div', { 'hx-vals': 'js:{a:1}' })).toThrow(TypeError)
  })

  test.each(['onclick', 'ONCLICK', 'onfocus', 'hx-on:click', 'hx-on', 'data-hx-get', 'style', 'srcdoc'])(
    'the attribute %s is refused',
    (name) => {
      expect(() => jsx('div', { [name]: 'x' })).toThrow(TypeError)
    },
  )

  test('handlers and inline styles do not pass the type check either', () => {
    // @ts-expect-error an event handler
    expect(() => <p onclick="x">no</p>).toThrow(TypeError)
    // @ts-expect-error an htmx event handler
    expect(() => <p hx-on:click="x">no</p>).toThrow(TypeError)
    // @ts-expect-error an inline style
    expect(() => <p style="color:red">no</p>).toThrow(TypeError)
    // @ts-expect-error an object as an attribute
    expect(() => <p title={{ toString: () => 'x' }}>no</p>).toThrow(TypeError)
  })
})

describe('elements', () => {
  test('elements that can carry script or frames are refused', () => {
    for (const tag of ['iframe', 'object', 'embed', 'style', 'base', 'foreignObject', 'p onclick=x']) {
      expect(() => jsx(tag, {})).toThrow(TypeError)
    }
  })

  test('a script has an address and no text', () => {
    expect(String(<script src="/assets/htmx.js" defer />)).toBe(
      '<script src="/assets/htmx.js" defer></script>',
    )
    expect(() => <script>alert(1)</script>).toThrow(TypeError)
  })

  test('void elements have no closing tag', () => {
    expect(String(<br />)).toBe('<br>')
    expect(() => jsx('br', { children: 'x' })).toThrow(TypeError)
  })
})
