import type { MachineDriver } from './driver'
import type { Fault } from './faults'
import { type ActionError, actionRoutes } from './hetzner/actions'
import { primaryIpRoutes } from './hetzner/addresses'
import { Refusal, refusalAnswer } from './hetzner/answers'
import { firewallRoutes } from './hetzner/firewalls'
import { imageRoutes } from './hetzner/images'
import { finishAction, lifecycleRoutes } from './hetzner/lifecycle'
import { offerRoutes } from './hetzner/offers'
import { Project } from './hetzner/project'
import { RateLimit } from './hetzner/rate-limit'
import { findRoute, type Route } from './hetzner/routes'
import { placePastServer } from './hetzner/server-create'
import { serverRoutes } from './hetzner/servers'
import { addSshKey, sshKeyRoutes } from './hetzner/ssh-keys'
import type { Twin } from './twin'
import type { World } from './world'

export type HetznerTwinOptions = {
  token: string
  /** Keys that the project holds from the start. */
  sshKeys: { name: string; publicKey: string }[]
  driver: MachineDriver
  serverLimit?: number
  requestsPerHour?: number
}

const SERVER_LIMIT = 10_000
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
    this.project = new Project(world, options.driver, options.serverLimit ?? SERVER_LIMIT, finishAction)
    this.rateLimit = new RateLimit(world, options.requestsPerHour ?? REQUESTS_PER_HOUR)
    this.routes = [
      ...actionRoutes(this.project.actions),
      ...serverRoutes(this.project),
      ...lifecycleRoutes(this.project),
      ...sshKeyRoutes(this.project),
      ...firewallRoutes(this.project),
      ...imageRoutes(this.project),
      ...primaryIpRoutes(this.project.addresses),
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
  seed(body: object, createdAt: number): { id: string; ipv4: string | null; ipv6: string | null } {
    const { id, ipv4Id, ipv6Id } = placePastServer(this.project, body, createdAt)
    const { addresses } = this.project
    return { id, ipv4: addresses.get(ipv4Id)?.ip ?? null, ipv6: addresses.get(ipv6Id)?.ip ?? null }
  }

  /** Lets the next action with this command (`create_server`, ...) end in an error. */
  failNextAction(command: string, error: ActionError): void {
    this.project.actions.failNext(command, error)
  }

  /** Ends the time line's alarms; call it before the world is closed. */
  stop(): void {
    this.project.actions.stop()
  }

  private async answer(request: Request): Promise<Response> {
    this.rateLimit.take()
    this.project.actions.settle()
    if (request.headers.get('authorization') !== `Bearer ${this.options.token}`) {
      throw new Refusal('unauthorized', 'unable to authenticate')
    }
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
