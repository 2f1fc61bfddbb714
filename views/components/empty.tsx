import type { Child, Html } from '../jsx-runtime'

/** What stands where a list would be: why it is empty and what will fill it. */
export function Empty({ title, children }: { title: string; children?: Child }): Html {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children}
    </div>
  )
}
