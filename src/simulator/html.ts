/** Markup that is already safe to send; made by `html` only (or `raw`, for markup of our own). */
export class Html {
  constructor(readonly markup: string) {}

  toString(): string {
    return this.markup
  }
}

type Value = string | number | bigint | boolean | null | undefined | Html | readonly Value[]

/**
 * A template whose every interpolation is escaped, except other `html` values and arrays of them.
 * `null`, `undefined`, `true` and `false` render as nothing. Attributes must be quoted: `href="${url}"`.
 */
export function html(strings: TemplateStringsArray, ...values: Value[]): Html {
  let markup = strings[0] ?? ''
  values.forEach((value, index) => {
    markup += markupOf(value) + strings[index + 1]
  })
  return new Html(markup)
}

/** Trusts `markup` as it is: for constants in our own code, never for anything that came over a wire. */
export function raw(markup: string): Html {
  return new Html(markup)
}

export type PageOptions = {
  status?: number
  headers?: Record<string, string>
  /** Replaces single directives of the policy, such as `{ 'form-action': "'self' http://127.0.0.1:3000" }`. */
  policy?: Record<string, string>
}

const POLICY: Record<string, string> = {
  'default-src': "'none'",
  'style-src': "'self'",
  'img-src': "'self'",
  'form-action': "'self'",
  'base-uri': "'none'",
  'frame-ancestors': "'none'",
}

/** Answers with `body` as a whole page under a strict content security policy: no script, no inline style. */
export function page(body: Html, options: PageOptions = {}): Response {
  const policy = Object.entries({ ...POLICY, ...options.policy })
  return new Response(`<!doctype html>${body}`, {
    status: options.status ?? 200,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': policy.map((directive) => directive.join(' ')).join('; '),
      'x-content-type-options': 'nosniff',
      // Not `no-referrer`: under it browsers send `origin: null` with a page's own forms.
      'referrer-policy': 'same-origin',
      'cache-control': 'no-store',
      ...options.headers,
    },
  })
}

function markupOf(value: Value): string {
  if (value instanceof Html) return value.markup
  if (Array.isArray(value)) return value.map(markupOf).join('')
  if (value === null || value === undefined || typeof value === 'boolean') return ''
  return Bun.escapeHTML(String(value))
}
