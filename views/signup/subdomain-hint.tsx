import { Alert, Check } from '../components/icons'
import type { Html } from '../jsx-runtime'

/** What the check while typing found: `message` says why a name is refused. */
export type SubdomainHintProps =
  | { state: 'idle'; domain: string }
  | { state: 'available'; address: string }
  | { state: 'refused'; message: string }

/** The inside of the live region under the name's field; answers `GET /signup/subdomain`. */
export function SubdomainHint(props: SubdomainHintProps): Html {
  if (props.state === 'idle') {
    return <span class="field-hint">Letters, digits and hyphens, in front of .{props.domain}</span>
  }
  if (props.state === 'available') {
    return (
      <span class="hint-good">
        <Check />
        <span>
          <strong>{props.address}</strong> is free
        </span>
      </span>
    )
  }
  return (
    <span class="hint-bad">
      <Alert />
      <span>{props.message}</span>
    </span>
  )
}
