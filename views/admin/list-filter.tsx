import { Search } from '../components/icons'
import type { Html } from '../jsx-runtime'

export type Choice = { name: string; label: string; any: string; value: string; options: ChoiceOption[] }
export type ChoiceOption = { value: string; label: string }

/**
 * Search and filters over a list: an ordinary GET form, which htmx sends while typing. `target` is the id of
 * the list that the answer's element of the same id replaces; `kept` holds what the form must not forget.
 */
export function ListFilter(props: {
  path: string
  target: string
  search: { label: string; value: string }
  choices: Choice[]
  kept?: Record<string, string | undefined>
  /** How the list is replaced: anew, where an event stream of its own must begin anew too. */
  swap?: 'outerMorph' | 'outerHTML'
}): Html {
  return (
    <form
      class="filter"
      method="get"
      action={props.path}
      hx-get={props.path}
      hx-trigger="input delay:250ms, submit"
      hx-target={`#${props.target}`}
      hx-select={`#${props.target}`}
      hx-swap={props.swap ?? 'outerMorph'}
      hx-push-url="true"
      hx-sync="this:replace"
    >
      <div class="filter-search">
        <label class="visually-hidden" for="q">
          {props.search.label}
        </label>
        <Search />
        <input id="q" name="q" type="search" value={props.search.value} placeholder={props.search.label} />
      </div>
      {props.choices.map((choice) => (
        <ChoiceField choice={choice} />
      ))}
      {Object.entries(props.kept ?? {}).map(
        ([name, value]) => value && <input type="hidden" name={name} value={value} />,
      )}
      <button class="button button-quiet" type="submit">
        Search
      </button>
    </form>
  )
}

function ChoiceField({ choice }: { choice: Choice }): Html {
  return (
    <div class="filter-choice">
      <label class="visually-hidden" for={`filter-${choice.name}`}>
        {choice.label}
      </label>
      <select id={`filter-${choice.name}`} name={choice.name}>
        <option value="">{choice.any}</option>
        {choice.options.map(({ value, label }) => (
          <option value={value} selected={value === choice.value}>
            {label}
          </option>
        ))}
      </select>
    </div>
  )
}

/** Statuses as options, in the words of the badges. */
export const statusOptions = (statuses: readonly string[]): ChoiceOption[] =>
  statuses.map((status) => ({ value: status, label: status.charAt(0).toUpperCase() + status.slice(1) }))
