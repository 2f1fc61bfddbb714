/** One element as a browser's parser would find it. */
export type Element = { tag: string; attributes: Map<string, string>; text: string }

/** Reads markup with a real parser: the elements in order, each with its attributes and all text inside it. */
export function elementsOf(markup: string): Element[] {
  const found: Element[] = []
  const open: Element[] = []
  new HTMLRewriter()
    .on('*', {
      element(node) {
        const element = {
          tag: node.tagName,
          attributes: new Map([...node.attributes] as [string, string][]),
          text: '',
        }
        found.push(element)
        if (VOID_TAGS.has(element.tag)) return
        open.push(element)
        node.onEndTag(() => {
          open.splice(open.lastIndexOf(element), 1)
        })
      },
    })
    .onDocument({
      text(chunk) {
        for (const element of open) element.text += chunk.text
      },
    })
    .transform(markup)
  return found
}

const VOID_TAGS = new Set(['meta', 'link', 'br', 'wbr', 'hr', 'input', 'img'])

/** What the parser leaves escaped, as a person reads it. */
export const unescaped = (text: string): string =>
  text.replace(/&(lt|gt|quot|#x27|amp);/g, (_, name: string) => ENTITIES[name] ?? '')

const ENTITIES: Record<string, string> = { lt: '<', gt: '>', quot: '"', '#x27': "'", amp: '&' }
