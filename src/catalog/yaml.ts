import { type Document, isNode, LineCounter, parseDocument } from 'yaml'

/** Of one file of a blueprint. */
export const FILE_BYTES_MAX = 64 * 1024

type Path = (string | number)[]
type ParsedYaml = {
  document: Document
  value: unknown
  /** Each begins with `:<line>: `. */
  problems: string[]
  /** `:<line>` of the value at a path, or of the nearest value around it. */
  place: (path: Path) => string
}

/** Reads one YAML file of a blueprint; bounded in size and in what aliases may unfold to. */
export function parseYaml(text: string): ParsedYaml {
  const size = sizeProblem(text)
  const lines = new LineCounter()
  const document = parseDocument(size ? '' : text, {
    lineCounter: lines,
    uniqueKeys: true,
    prettyErrors: false,
    // Merge keys and custom tags have no use here and surprise readers.
    merge: false,
    schema: 'core',
  })
  const problems = document.errors.map((error) => `:${lines.linePos(error.pos[0]).line}: ${error.message}`)
  if (size) problems.push(size)
  const place = (path: Path) => placeOf(document, lines, path)
  if (problems.length > 0) return { document, value: null, problems, place }
  try {
    return { document, value: document.toJS({ maxAliasCount: 50 }), problems, place }
  } catch {
    return { document, value: null, problems: [': its aliases unfold to too much'], place }
  }
}

/** Words for a file that is too big, or null. */
function sizeProblem(text: string): string | null {
  const bytes = Buffer.byteLength(text)
  return bytes > FILE_BYTES_MAX ? `: has ${bytes} bytes, more than ${FILE_BYTES_MAX}` : null
}

function placeOf(document: Document, lines: LineCounter, path: Path): string {
  for (let length = path.length; length >= 0; length--) {
    const node = length === 0 ? document.contents : document.getIn(path.slice(0, length), true)
    if (isNode(node) && node.range) return `:${lines.linePos(node.range[0]).line}`
  }
  return ''
}
