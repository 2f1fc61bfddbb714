import type { Child, Html } from '../jsx-runtime'
import { Alert, Check, Info } from './icons'

type Tone = 'info' | 'good' | 'bad'

/** A sentence that should not be missed; bad news interrupts a screen reader. */
export function Notice({ tone, title, children }: { tone: Tone; title: string; children?: Child }): Html {
  const Sign = { info: Info, good: Check, bad: Alert }[tone]
  return (
    <div class={['notice', `notice-${tone}`]} role={tone === 'bad' ? 'alert' : 'status'}>
      <Sign />
      <div>
        <p class="notice-title">{title}</p>
        {children}
      </div>
    </div>
  )
}
