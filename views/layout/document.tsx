import { type Child, type Html, raw } from '../jsx-runtime'

// No style of its own and no swap of a server's error into a fragment's place.
const HTMX_CONFIG = '{"includeIndicatorCSS":false,"history":"reload","noSwap":[204,304,"5xx"]}'

/** The whole document around a page. `live` adds the script that follows server-sent events. */
export function Document(props: {
  title: string
  description?: string
  bodyClass: string
  /** The path of its icon. */
  icon: '/assets/favicon.svg' | '/assets/atlas.svg'
  indexed: boolean
  children: Child
}): Html {
  return (
    <>
      {raw('<!doctype html>')}
      <html lang="en">
        <head>
          <meta charset="utf-8" />
          <meta name="viewport" content="width=device-width, initial-scale=1" />
          <title>{props.title}</title>
          {props.description && <meta name="description" content={props.description} />}
          {!props.indexed && <meta name="robots" content="noindex" />}
          <meta name="color-scheme" content="light dark" />
          <meta name="htmx-config" content={HTMX_CONFIG} />
          <link rel="icon" href={props.icon} type="image/svg+xml" sizes="any" />
          <link rel="stylesheet" href="/assets/styles.css" />
          <link rel="stylesheet" href="/assets/accent.css" />
          <script src="/assets/htmx.js" defer />
          <script src="/assets/hx-sse.js" defer />
          <script src="/assets/local-time.js" defer />
        </head>
        <body class={props.bodyClass}>
          <a class="skip-link" href="#main">
            Skip to the content
          </a>
          {props.children}
        </body>
      </html>
    </>
  )
}
