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
