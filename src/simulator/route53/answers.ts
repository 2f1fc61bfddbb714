import { createHash } from 'node:crypto'
import type { World } from '../world'
import { UnreadableBatch } from './batch'
import { type Content, write } from './xml'
import { InvalidBatch } from './zone'

/** Thrown inside the twin to answer with Route 53's error document. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message)
  }
}

/** A successful answer with `root` as its document. */
export function ok(world: World, root: string, content: Content): Response {
  return xml(200, write(root, content), requestId(world))
}

/** The error document for a refusal; throws on whatever is none. */
export function answerTo(world: World, thrown: unknown): Response {
  if (thrown instanceof Refusal) return error(world, thrown.status, thrown.code, thrown.message)
  if (thrown instanceof UnreadableBatch) return error(world, 400, thrown.code, thrown.message)
  if (thrown instanceof InvalidBatch) return error(world, 400, 'InvalidChangeBatch', thrown.message)
  throw thrown
}

/** A counter under a hash: looks like an id of AWS's and is never given twice, also after a restart. */
export function opaqueId(world: World, series: string, length: number): string {
  const number = world.nextNumber(`route53_${series}`)
  return createHash('sha256').update(`${series} ${number}`).digest('hex').slice(0, length).toUpperCase()
}

function error(world: World, status: number, code: string, message: string): Response {
  const id = requestId(world)
  const parts: Content = [
    ['Type', status < 500 ? 'Sender' : 'Receiver'],
    ['Code', code],
    ['Message', message],
  ]
  const document: Content = [
    ['Error', parts],
    ['RequestId', id],
  ]
  return xml(status, write('ErrorResponse', document), id)
}

function requestId(world: World): string {
  const id = opaqueId(world, 'request', 32).toLowerCase()
  return id.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

function xml(status: number, body: string, id: string): Response {
  return new Response(body, { status, headers: { 'content-type': 'text/xml', 'x-amzn-requestid': id } })
}
