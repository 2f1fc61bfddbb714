import * as v from 'valibot'
import { invalidInput } from './answers'

const NAME = '[a-zA-Z0-9]([a-zA-Z0-9._-]{0,61}[a-zA-Z0-9])?'
const KEY = new RegExp(`^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?${NAME}$`)
const VALUE = new RegExp(`^(${NAME})?$`)

/** https://docs.hetzner.cloud/reference/cloud#description/labels */
export const labelsSchema = v.record(
  v.pipe(
    v.string(),
    v.regex(KEY, 'invalid label key'),
    v.check((key) => !key.startsWith('hetzner.cloud/'), 'the prefix hetzner.cloud/ is reserved'),
  ),
  v.pipe(v.string(), v.regex(VALUE, 'invalid label value')),
)

type Labels = Record<string, string>
type Test = (labels: Labels) => boolean

/** The test that a label selector stands for, or null when it cannot be read. */
export function labelSelector(selector: string): Test | null {
  const tests = selector
    .split(/,(?![^(]*\))/)
    .map((term) => term.trim())
    .filter((term) => term !== '')
    .map(termTest)
  if (tests.includes(null)) return null
  return (labels) => tests.every((test) => test?.(labels))
}

function termTest(term: string): Test | null {
  const set = /^([^\s!=]+) (in|notin) \(([^)]*)\)$/.exec(term)
  if (set) {
    const [, key = '', operator, list = ''] = set
    const values = list.split(',').map((value) => value.trim())
    const isIn: Test = (labels) => labels[key] !== undefined && values.includes(labels[key])
    return operator === 'in' ? isIn : (labels) => !isIn(labels)
  }
  const comparison = /^([^\s!=]+)\s*(==|=|!=)\s*([^\s!=]*)$/.exec(term)
  if (comparison) {
    const [, key = '', operator, value] = comparison
    return operator === '!=' ? (labels) => labels[key] !== value : (labels) => labels[key] === value
  }
  const presence = /^(!?)([^\s!=]+)$/.exec(term)
  if (!presence) return null
  const [, not, key = ''] = presence
  return (labels) => Object.hasOwn(labels, key) === (not === '')
}

/** The test for the `label_selector` parameter; lets everything through when there is none. */
export function labelSelectorOf(url: URL): Test {
  const test = labelSelector(url.searchParams.get('label_selector') ?? '')
  if (!test) throw invalidInput('label_selector', 'cannot be parsed')
  return test
}
