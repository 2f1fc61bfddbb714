import type { World } from '../world'

/** Thrown inside the twin to answer with S3's error document. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    /** Further elements of the document, such as the string that S3 itself signed. */
    readonly details: Record<string, string> = {},
  ) {
    super(message)
  }
}

/** An element of a document: text, or elements by name, of which some may come more than once. */
export type Content = string | number | boolean | [name: string, content: Content][]

const NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/'

/** A successful answer that is a document. */
export function xmlAnswer(world: World, [root, content]: [string, Content]): Response {
  return document(200, element(root, content, ` xmlns="${NAMESPACE}"`), requestId(world))
}

/** The error document; an answer to HEAD has the status alone. */
export function errorAnswer(
  world: World,
  method: string,
  { status, code, message, details }: Refusal,
): Response {
  const id = requestId(world)
  const content: Content = [
    ['Code', code],
    ['Message', message],
    ...Object.entries(details),
    ['RequestId', id],
    ['HostId', 'simulator'],
  ]
  if (method === 'HEAD') return new Response(null, { status, headers: { 'x-amz-request-id': id } })
  return document(status, element('Error', content), id)
}

function document(status: number, body: string, id: string): Response {
  return new Response(`<?xml version="1.0" encoding="UTF-8"?>\n${body}`, {
    status,
    headers: { 'content-type': 'application/xml', 'x-amz-request-id': id },
  })
}

function element(name: string, content: Content, attributes = ''): string {
  const inner = Array.isArray(content)
    ? content.map(([child, its]) => element(child, its)).join('')
    : Bun.escapeHTML(String(content))
  return `<${name}${attributes}>${inner}</${name}>`
}

function requestId(world: World): string {
  return world.nextNumber('s3_request').toString(16).toUpperCase().padStart(16, '0')
}
