import { describe, expect, test } from 'bun:test'
import { createHetzner } from '../../src/providers/hetzner'
import type { Exchange } from '../../src/simulator/twin'
import { checkHetzner } from '../contract/hetzner'
import { HetznerStand, TOKEN } from './hetzner-stand'

const sound = await exchangesOf('GET /servers', 'POST /servers', 'GET /actions', 'GET /locations')

/** One sound exchange of each verb, as client and simulator really made it. */
async function exchangesOf(...verbs: string[]): Promise<Record<string, Exchange>> {
  const stand = new HetznerStand()
  const cloud = createHetzner({ token: TOKEN, apiUrl: stand.apiUrl, clock: stand.clock })
  const { id: firewallId } = await cloud.ensureFirewall({ name: 'wall', labels: {}, rules: [] })
  const key = await cloud.getSshKey('atlas')
  const place = { serverType: 'cpx21', location: 'fsn1', image: 'debian-13' }
  const order = { ...place, name: 'web', userData: '', sshKeyIds: [key!.id], firewallId, labels: {} }
  await cloud.getActions((await cloud.ensureServer(order)).actionIds)
  await cloud.listLocations()
  await stand.stop()
  const last = (verb: string) => stand.exchanges.findLast((exchange) => exchange.verb === verb)!
  return Object.fromEntries(verbs.map((verb) => [verb, last(verb)]))
}

type Json = Record<string, unknown>

const inRequest = (exchange: Exchange, change: (body: Json) => Json): Exchange => ({
  ...exchange,
  requestBody: JSON.stringify(change(JSON.parse(exchange.requestBody) as Json)),
})

const inAnswer = (exchange: Exchange, change: (body: Json) => Json): Exchange => ({
  ...exchange,
  responseBody: JSON.stringify(change(JSON.parse(exchange.responseBody) as Json)),
})

describe("the check against Hetzner's document", () => {
  test('finds nothing in sound exchanges', () => {
    for (const exchange of Object.values(sound)) expect(checkHetzner(exchange)).toEqual([])
  })

  const created = sound['POST /servers']!
  const broken: [what: string, exchange: Exchange, problem: string][] = [
    [
      'the removed datacenter field in a request',
      inRequest(created, (body) => ({ ...body, datacenter: 'fsn1-dc14' })),
      'must NOT have additional properties',
    ],
    [
      'a number where the document has a string',
      inRequest(created, (body) => ({ ...body, ssh_keys: [1] })),
      'request/ssh_keys/0 must be string',
    ],
    [
      'a missing field in a request',
      inRequest(created, ({ image: _, ...body }) => body),
      "must have required property 'image'",
    ],
    [
      'the removed datacenter field in an answer',
      inAnswer(created, (body) => ({ ...body, server: { ...(body.server as Json), datacenter: {} } })),
      'answer/server must NOT have additional properties',
    ],
    [
      'an unknown status of a server',
      inAnswer(created, (body) => ({ ...body, server: { ...(body.server as Json), status: 'fine' } })),
      'answer/server/status must be equal to one of the allowed values',
    ],
    ['another success status', { ...created, status: 200 }, 'status 200 is not in the document'],
    ['a request without a token', { ...created, requestHeaders: {} }, 'no bearer token'],
    [
      'a body of another type',
      { ...created, requestHeaders: { ...created.requestHeaders, 'content-type': 'text/plain' } },
      "content-type is 'text/plain'",
    ],
    [
      'a body that a GET has no place for',
      { ...sound['GET /servers']!, requestBody: '{}' },
      'a body where none belongs',
    ],
    [
      'an unknown query parameter',
      { ...sound['GET /servers']!, path: '/servers?nmae=web' },
      "query parameter 'nmae' is not in the document",
    ],
    [
      'a query parameter of the wrong kind',
      { ...sound['GET /servers']!, path: '/servers?page=two' },
      "query parameter 'page' must be integer",
    ],
    [
      'actions asked for without ids',
      { ...sound['GET /actions']!, path: '/actions' },
      "query parameter 'id' is missing",
    ],
    [
      'an answer without rate limit',
      { ...sound['GET /locations']!, responseHeaders: {} },
      'answer has no ratelimit-limit',
    ],
    [
      'an answer on a path that the document does not have',
      { ...sound['GET /locations']!, path: '/datacenters' },
      'GET /datacenters is not in the document',
    ],
    [
      'an error code that the operation does not have',
      { ...created, status: 422, responseBody: '{"error":{"code":"server_not_stopped","message":"x"}}' },
      "status 422 with code 'server_not_stopped' is not documented for POST /servers",
    ],
    [
      'an error body of another shape',
      { ...created, status: 500, responseBody: '{"message":"oops"}' },
      "must have required property 'error'",
    ],
  ]
  for (const [what, exchange, problem] of broken) {
    test(`rejects ${what}`, () => {
      expect(checkHetzner(exchange).join('\n')).toContain(problem)
    })
  }
})
