/** One element of a parsed document; its text is empty when it has children. */
export type Element = { name: string; xmlns?: string; text: string; children: Element[] }

/** What `write` accepts: text, or children by name. */
export type Content = string | number | boolean | [name: string, content: Content][]

/** Thrown when a document is not well formed. */
export class BadXml extends Error {}

const TOKEN = /<\?[^>]*\?>|<!--[\s\S]*?-->|<(\/?)([A-Za-z_][\w.-]*)([^<>]*?)(\/?)>|([^<]+)/gy
const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }
const DEPTH_MAX = 20

/** Parses the small documents of Route 53: elements, text and entities; no DTD, CDATA or mixed content. */
export function parse(document: string): Element {
  const root: Element = { name: '', text: '', children: [] }
  const open = [root]
  let end = 0
  for (const token of document.matchAll(TOKEN)) {
    end = token.index + token[0].length
    const [, closing, name, attributes, selfClosing, text] = token
    const parent = open.at(-1) as Element
    if (text !== undefined) addText(parent, text)
    else if (name === undefined) continue
    else if (closing) close(open, name)
    else {
      const element: Element = {
        name,
        xmlns: /\bxmlns="([^"]*)"/.exec(attributes ?? '')?.[1],
        text: '',
        children: [],
      }
      parent.children.push(element)
      if (!selfClosing) open.push(element)
      if (open.length > DEPTH_MAX) throw new BadXml('too deep')
    }
  }
  const [top, ...others] = root.children
  if (end !== document.length || open.length !== 1 || !top || others.length > 0)
    throw new BadXml('not well formed')
  return top
}

/** Writes a whole document with `name` as its root in Route 53's namespace. */
export function write(name: string, content: Content): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${element(name, content, ` xmlns="${NAMESPACE}"`)}`
}

export const NAMESPACE = 'https://route53.amazonaws.com/doc/2013-04-01/'

/** The first child of that name, or undefined. */
export function child(parent: Element | undefined, name: string): Element | undefined {
  return parent?.children.find((one) => one.name === name)
}

function element(name: string, content: Content, attributes = ''): string {
  const inner = Array.isArray(content)
    ? content.map(([childName, childContent]) => element(childName, childContent)).join('')
    : Bun.escapeHTML(String(content))
  return `<${name}${attributes}>${inner}</${name}>`
}

function addText(parent: Element, text: string): void {
  if (text.trim() === '') return
  if (parent.name === '') throw new BadXml('text outside of the root')
  if (parent.children.length > 0) throw new BadXml('text between elements')
  parent.text += text.replace(/&(#x?[0-9a-fA-F]+|\w+);?/g, (whole, entity: string) => {
    if (entity.startsWith('#x')) return String.fromCodePoint(Number.parseInt(entity.slice(2), 16))
    if (entity.startsWith('#')) return String.fromCodePoint(Number(entity.slice(1)))
    const character = ENTITIES[entity]
    if (!character || !whole.endsWith(';')) throw new BadXml('unknown entity')
    return character
  })
}

function close(open: Element[], name: string): void {
  const element = open.pop()
  if (open.length === 0 || element?.name !== name) throw new BadXml('tags do not match')
  if (element.children.length > 0 && element.text.trim() !== '') throw new BadXml('mixed content')
}
