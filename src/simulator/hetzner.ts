import type { MachineDriver } from './driver'
import type { Fault } from './faults'
import { type ActionError, actionRoutes } from './hetzner/actions'
import { primaryIpRoutes } from './hetzner/addresses'
import { Refusal, refusalAnswer } from './hetzner/answers'
import { finishAction, removeServer } from './hetzner/endings'
import { firewallRoutes } from './hetzner/firewalls'
import { imageRoutes } from './hetzner/images'
import { lifecycleRoutes } from './hetzner/lifecycle'
import { offerRoutes } from './hetzner/offers'
import { type Limits, Project } from './hetzner/project'
import { RateLimit } from './hetzner/rate-limit'
import { findRoute, type Route } from './hetzner/routes'
import {
  type SeededPrimaryIp,
  type SeededSnapshot,
  type SeededVolume,
  seedPrimaryIp,
  seedServer,
  seedSnapshot,
  seedVolume,
} from './hetzner/seeds'
import { serverRoutes } from './hetzner/servers'
import { addSshKey, sshKeyRoutes } from './hetzner/ssh-keys'
import { volumeRoutes } from './hetzner/volumes'
import type { Twin } from './twin'
import type { World } from './world'

export type HetznerTwinOptions = {
  token: string
  /** Keys that the project holds from the start. */
  sshKeys: { name: string; publicKey: string }[]
  driver: MachineDriver
  serverLimit?: number
  /** How many primary IPs, of both kinds together. */
  addressLimit?: number
  requestsPerHour?: number
}

const SERVER_LIMIT = 10_000
const ADDRESS_LIMIT = 100_000
const REQUESTS_PER_HOUR = 3_600

/** Hetzner Cloud, as far as Atlas uses it: https://docs.hetzner.cloud/reference/cloud */
export class HetznerTwin implements Twin {
  readonly name = 'hetzner'
  readonly prefix = '/hetzner/v1'
  private readonly project: Project
  private readonly rateLimit: RateLimit
  private readonly routes: Route[]

  constructor(
    world: World,
    private readonly options: HetznerTwinOptions,
  ) {
    const { driver, serverLimit = SERVER_LIMIT, addressLimit = ADDRESS_LIMIT } = options
    const limits = { servers: serverLimit, primaryIps: addressLimit }
    this.project = new Project(world, driver, limits, finishAction)
    this.rateLimit = new RateLimit(world, options.requestsPerHour ?? REQUESTS_PER_HOUR)
    this.routes = [
      ...actionRoutes(this.project.actions),
      ...serverRoutes(this.project),
      ...lifecycleRoutes(this.project),
      ...sshKeyRoutes(this.project),
      ...firewallRoutes(this.project),
      ...imageRoutes(this.project),
      ...volumeRoutes(this.project),
      ...primaryIpRoutes(this.project),
      ...offerRoutes,
    ]
    for (const { name, publicKey } of options.sshKeys) {
      if (!this.project.sshKeys.find((key) => key.name === name)) addSshKey(this.project, name, publicKey)
    }
  }

  /** `POST /servers/{id}/actions/reboot`: the operation as Hetzner's document writes it. */
  verbOf(request: Request): string {
    const path = new URL(request.url).pathname.slice(this.prefix.length)
    return `${request.method} ${path.replace(/\/\d+(?=\/|$)/g, '/{id}')}`
  }

  async handle(request: Request): Promise<Response> {
    const answer = await this.answer(request).catch((thrown) => {
      if (thrown instanceof Refusal) return refusalAnswer(thrown)
      throw thrown
    })
    return withHeaders(answer, this.rateLimit.headers())
  }

  refuse(_request: Request, fault: Fault): Response {
    const code = fault.code ?? CODE_OF_STATUS[fault.status ?? 503] ?? 'unavailable'
    const answer = refusalAnswer(new Refusal(code, MESSAGES[code] ?? code, null, fault.status))
    return withHeaders(answer, this.rateLimit.headers(code === 'rate_limit_exceeded'))
  }

  /** Puts a running server there that was ordered at `createdAt` with this body of `POST /servers`. */
  seed(body: object, createdAt: number, kept: { backups?: boolean } = {}) {
    return seedServer(this.project, body, createdAt, kept)
  }

  /** Puts an address there that no server has, as one that was left behind. */
  seedPrimaryIp(past: SeededPrimaryIp = {}): { id: string; ip: string } {
    return seedPrimaryIp(this.project, past)
  }

  /** Puts a volume there, attached to a server or to none. */
  seedVolume(past: SeededVolume): { id: string } {
    return seedVolume(this.project, past)
  }

  /** Puts a snapshot there, of a server that may be gone. */
  seedSnapshot(past: SeededSnapshot): { id: string; sizeGb: number } {
    return seedSnapshot(this.project, past)
  }

  /** Somebody deletes a server in the console, at once; whether there was one. */
  lose(serverId: string): boolean {
    const server = this.project.servers.get(serverId)
    if (server) removeServer(this.project, server)
    return server !== undefined
  }

  /** Lets the next action with this command (`create_server`, ...) end in an error. */
  failNextAction(command: string, error: ActionError): void {
    this.project.actions.failNext(command, error)
  }

  /**
   * Lets lists lag behind for `ms`: they show the world as it was before the latest request that changed something,
   * or as it is now when that was longer ago. What is asked for by its id is never behind.
   */
  stale(ms: number): void {
    this.project.actions.settle()
    this.project.lag(ms)
  }

  /** Lets a server's operating system take no notice of a shutdown until its power was cut. */
  ignoreShutdown(serverId: string): void {
    const server = this.project.servers.get(serverId)
    if (server) this.project.servers.put({ ...server, deaf: true })
  }

  /** Changes how much the project may have; what exceeds it already stays. */
  setLimits(limits: Partial<Limits>): void {
    Object.assign(this.project.limits, limits)
  }

  /** Ends the time line's alarms; call it before the world is closed. */
  stop(): void {
    this.project.actions.stop()
    this.project.backups.stop()
  }

  private async answer(request: Request): Promise<Response> {
    this.rateLimit.take()
    this.project.actions.settle()
    if (request.headers.get('authorization') !== `Bearer ${this.options.token}`) {
      throw new Refusal('unauthorized', 'unable to authenticate')
    }
    if (request.method !== 'GET') this.project.rememberLists()
    const url = new URL(request.url)
    const { route, id } = findRoute(this.routes, request.method, url.pathname.slice(this.prefix.length))
    return route.answer({ id, url, body: parseBody(await request.text()) })
  }
}

function withHeaders(answer: Response, headers: Record<string, string>): Response {
  for (const [name, value] of Object.entries(headers)) answer.headers.set(name, value)
  return answer
}

const CODE_OF_STATUS: Record<number, string> = {
  401: 'unauthorized',
  403: 'forbidden',
  409: 'conflict',
  412: 'resource_unavailable',
  423: 'locked',
  429: 'rate_limit_exceeded',
  500: 'server_error',
  504: 'timeout',
}

const MESSAGES: Record<string, string> = {
  unavailable: 'service is currently not available',
  server_error: 'internal server error',
  timeout: 'request timeout',
  rate_limit_exceeded: 'limit of requests per hour reached',
}

function parseBody(text: string): unknown {
  if (text === '') return undefined
  try {
    return JSON.parse(text)
  } catch {
    throw new Refusal('json_error', 'invalid JSON')
  }
}
