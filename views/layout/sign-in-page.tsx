import { AtlasMark } from '../components/icons'
import type { Child, Html } from '../jsx-runtime'
import { Document } from './document'

/** The small page around the operator's sign-in. */
export function SignInPage({ title, children }: { title: string; children: Child }): Html {
  return (
    <Document title={`${title} · Atlas`} bodyClass="sign-in" icon="/assets/atlas.svg" indexed={false}>
      <main id="main" class="sign-in-card" tabindex={-1}>
        <p class="sign-in-mark">
          <span class="wordmark-sign">
            <AtlasMark />
          </span>
          Atlas
        </p>
        {children}
      </main>
    </Document>
  )
}
