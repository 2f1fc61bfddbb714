/** Markup that is already safe: made by JSX or, where a file says why, by `raw`. */
export class Html {
  readonly #markup: string

  constructor(markup: string) {
    this.#markup = markup
  }

  toString(): string {
    return this.#markup
  }
}

/** Marks a string of our own as markup. Never call it with anything that a person or a provider wrote. */
export const raw = (markup: string): Html => new Html(markup)

/** What may stand between tags; everything but Html is escaped. */
export type Child = Html | string | number | bigint | boolean | null | undefined | readonly Child[]

/** What an attribute may hold: `false`, null and undefined leave it out, a list is joined with spaces. */
export type AttributeValue = string | number | boolean | null | undefined | readonly (string | false | null)[]

type Props = Record<string, unknown>
type Component<P> = (props: P) => Html | null

const EMPTY = new Html('')

/** Makes an element, or calls a component. Throws a TypeError for what could let markup or script in. */
export function jsx<P>(type: string | Component<P>, props: P): Html {
  if (typeof type === 'function') return type(props) ?? EMPTY
  return element(type, props as Props)
}
export { jsx as jsxDEV, jsx as jsxs }

/** `<>...</>`: children without an element of their own. */
export const Fragment = ({ children }: { children?: Child }): Html => new Html(content(children))

function element(tag: string, props: Props): Html {
  if (!TAGS.has(tag)) throw new TypeError('JSX: this element is not allowed in a page')
  let opening = `<${tag}`
  for (const name in props) {
    if (name !== 'children') opening += attribute(name, props[name])
  }
  const inner = content(props.children)
  if (EMPTY_TAGS.has(tag) && inner !== '') throw new TypeError(`JSX: <${tag}> cannot have children`)
  return new Html(VOID_TAGS.has(tag) ? `${opening}>` : `${opening}>${inner}</${tag}>`)
}

function content(child: unknown): string {
  if (typeof child === 'string') return Bun.escapeHTML(child)
  if (child instanceof Html) return child.toString()
  if (child === null || child === undefined || typeof child === 'boolean') return ''
  if (Array.isArray(child)) {
    let inner = ''
    for (const one of child) inner += content(one)
    return inner
  }
  if (typeof child === 'number' || typeof child === 'bigint') return String(child)
  throw new TypeError('JSX: a child must be text, a number or an element')
}

function attribute(name: string, value: unknown): string {
  if (!ATTRIBUTE_NAME.test(name) || REFUSED_NAME.test(name)) {
    throw new TypeError('JSX: this attribute is not allowed in a page')
  }
  const text = attributeText(name, value)
  if (text === undefined) return ''
  if (text === '') return ` ${name}`
  checkValue(name, text)
  return ` ${name}="${Bun.escapeHTML(text)}"`
}

function attributeText(name: string, value: unknown): string | undefined {
  if (value === null || value === undefined) return undefined
  if (typeof value === 'string') return value
  if (typeof value === 'number') return String(value)
  if (typeof value === 'boolean') {
    // ARIA states are words, not presence.
    if (name.startsWith('aria-')) return String(value)
    return value ? '' : undefined
  }
  if (Array.isArray(value)) return value.filter((part) => typeof part === 'string' && part).join(' ')
  throw new TypeError('JSX: an attribute must be text, a number, a boolean or a list of words')
}

function checkValue(name: string, text: string): void {
  // Browsers drop these characters before they read a scheme, so `java\nscript:` is one too.
  const url = text.replace(UNSEEN, '')
  if (REQUEST_NAME.test(name) && !OWN_PATH.test(url)) {
    throw new TypeError('JSX: an htmx request must stay on this origin')
  }
  if (URL_NAME.test(name) && SCHEME.test(url) && !SAFE_SCHEME.test(url)) {
    throw new TypeError('JSX: this scheme is not allowed in a link')
  }
  if (name.startsWith('hx-') && SCRIPT_VALUE.test(url)) {
    throw new TypeError('JSX: an htmx attribute must not carry script')
  }
}

const ATTRIBUTE_NAME = /^[A-Za-z][A-Za-z0-9_-]*(:[A-Za-z][A-Za-z0-9_-]*)?$/
// The content security policy forbids inline styles and handlers; refusing them here finds them in tests.
const REFUSED_NAME = /^(on|hx-on|data-hx-|style$|srcdoc$)/i
const URL_NAME = /^(href|src|action|formaction|poster|cite|ping|xlink:href)$/i
const REQUEST_NAME = /^hx-(get|post|put|patch|delete|query|sse:connect)$/i
const SCRIPT_VALUE = /^(js|javascript):/i
const OWN_PATH = /^([/](?![/\\])|[?])/
const SCHEME = /^[^/?#]*:/
const SAFE_SCHEME = /^(https?|mailto):/i
const UNSEEN = /[\s\p{Cc}]/gu

const TAG_NAMES = [
  ...['html', 'head', 'title', 'meta', 'link', 'script', 'body'],
  ...['header', 'footer', 'main', 'nav', 'section', 'article', 'aside', 'h1', 'h2', 'h3', 'h4', 'hgroup'],
  ...['div', 'p', 'span', 'a', 'b', 'strong', 'em', 'small', 'code', 'pre', 'kbd', 'time', 'br', 'wbr', 'hr'],
  ...['ul', 'ol', 'li', 'dl', 'dt', 'dd', 'table', 'caption', 'thead', 'tbody', 'tr', 'th', 'td'],
  ...[
    'form',
    'fieldset',
    'legend',
    'label',
    'input',
    'select',
    'option',
    'datalist',
    'textarea',
    'button',
    'output',
  ],
  ...[
    'details',
    'summary',
    'progress',
    'img',
    'svg',
    'g',
    'noscript',
    'path',
    'circle',
    'rect',
    'line',
    'polyline',
  ],
  // Of htmx: a part of an answer with a target of its own.
  'hx-partial',
] as const

const TAGS: ReadonlySet<string> = new Set(TAG_NAMES)
const VOID_TAGS: ReadonlySet<string> = new Set(['meta', 'link', 'br', 'wbr', 'hr', 'input', 'img'])
const EMPTY_TAGS: ReadonlySet<string> = new Set([...VOID_TAGS, 'script'])

type AttributeName =
  | ('id' | 'class' | 'lang' | 'dir' | 'title' | 'hidden' | 'tabindex' | 'role' | 'translate' | 'autofocus')
  | ('href' | 'rel' | 'target' | 'type' | 'sizes' | 'media' | 'src' | 'alt' | 'loading' | 'defer' | 'charset')
  | ('name' | 'content' | 'method' | 'action' | 'enctype' | 'novalidate' | 'for' | 'value' | 'placeholder')
  | ('required' | 'disabled' | 'readonly' | 'checked' | 'selected' | 'multiple' | 'autocomplete' | 'pattern')
  | ('autocapitalize' | 'autocorrect' | 'spellcheck' | 'inputmode' | 'enterkeyhint' | 'minlength' | 'size')
  | (
      | 'maxlength'
      | 'list'
      | 'min'
      | 'max'
      | 'step'
      | 'rows'
      | 'cols'
      | 'form'
      | 'formaction'
      | 'open'
      | 'datetime'
    )
  | ('colspan' | 'rowspan' | 'scope' | 'start' | 'reversed' | 'width' | 'height' | 'color')
  | ('viewBox' | 'fill' | 'stroke' | 'stroke-width' | 'stroke-linecap' | 'stroke-linejoin' | 'xmlns' | 'd')
  | ('cx' | 'cy' | 'r' | 'x' | 'y' | 'rx' | 'x1' | 'x2' | 'y1' | 'y2' | 'points' | 'transform' | 'focusable')

// TypeScript checks a name with a hyphen only where it is listed, so these are; the rest is met at run time.
type HyphenatedName =
  | `aria-${'label' | 'labelledby' | 'describedby' | 'current' | 'hidden' | 'live' | 'atomic' | 'busy'}`
  | `aria-${'expanded' | 'controls' | 'invalid' | 'required' | 'sort' | 'valuenow' | 'valuetext'}`
  | `hx-${'get' | 'post' | 'trigger' | 'target' | 'swap' | 'select' | 'sync' | 'push-url' | 'replace-url'}`
  | `hx-${'include' | 'indicator' | 'disable' | 'sse:connect' | 'sse:close' | 'config' | 'status:422'}`

type Attributes = { [Name in AttributeName | HyphenatedName]?: AttributeValue } & {
  [name: `on${string}`]: undefined
} & {
  children?: Child
  style?: undefined
  srcdoc?: undefined
  'hx-on'?: undefined
  'hx-on:click'?: undefined
}

export namespace JSX {
  export type Element = Html
  export type IntrinsicElements = { [Tag in (typeof TAG_NAMES)[number]]: Attributes }
  export interface ElementChildrenAttribute {
    children: unknown
  }
}
