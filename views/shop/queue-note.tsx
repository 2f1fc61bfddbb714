import { Notice } from '../components/notice'
import type { Html } from '../jsx-runtime'

/** Says before the payment that a new site has to wait for room. */
export function QueueNote({ isQueueing }: { isQueueing?: boolean }): Html | null {
  if (!isQueueing) return null
  return (
    <Notice tone="info" title="New sites are made as servers become free">
      <p>
        You can sign up now. Your place in the queue counts from your payment, and you see how many are ahead.
      </p>
    </Notice>
  )
}
