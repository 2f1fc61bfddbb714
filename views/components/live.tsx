import type { Child, Html } from '../jsx-runtime'

/**
 * A part of a page that the server keeps up to date: every unnamed event at `eventsUrl` carries the fragment
 * anew, and an event named `done` ends it. Morphing keeps focus and scroll where they are.
 */
export function Live({ eventsUrl, children }: { eventsUrl: string; children?: Child }): Html {
  return (
    <>
      <div class="live-part" hx-sse:connect={eventsUrl} hx-sse:close="done" hx-swap="innerMorph">
        {children}
      </div>
      <noscript>
        <p class="muted">
          This page follows along by itself where scripts run. Here, reload it to see what is new.
        </p>
      </noscript>
    </>
  )
}

/**
 * A message that replaces only some parts of what `Live` holds: what each element of such an id has in it. For pages
 * that are too large to be sent anew at each change.
 */
export function LiveUpdate({ parts }: { parts: { id: string; draw(): Html }[] }): Html {
  return (
    <>
      {parts.map(({ id, draw }) => (
        <hx-partial hx-target={`#${id}`} hx-swap="innerMorph">
          {draw()}
        </hx-partial>
      ))}
    </>
  )
}
