import { ReplyLost } from '../faults'
import type { SimMachines } from '../machines'
import { troublePage } from './app'

export type FrontDoor = { url: string; stop(): Promise<void> }

/**
 * Where a browser reaches the tenants: `http://<name>.localhost:<port>`. It stands for the internet between a
 * visitor and a machine: DNS says which address, and the address answers or does not.
 */
export function startFrontDoor(
  machines: SimMachines,
  resolve: (hostname: string) => string | undefined,
  port: number,
): FrontDoor {
  const server = Bun.serve({
    port,
    hostname: '127.0.0.1',
    idleTimeout: 0,
    development: false,
    reusePort: false,
    fetch: (request) => answer(machines, resolve, request),
  })
  return { url: `http://127.0.0.1:${server.port}`, stop: () => server.stop(true) }
}

async function answer(
  machines: SimMachines,
  resolve: (hostname: string) => string | undefined,
  request: Request,
): Promise<Response> {
  const { hostname } = new URL(request.url)
  const ipv4 = resolve(hostname)
  if (!ipv4) {
    return troublePage('No such name', `The simulated DNS has no address for ${hostname} (yet).`, 502)
  }
  try {
    const reply = await machines.answerHttp(ipv4, request)
    if (reply !== 'refused') return reply
    return troublePage(
      'Nothing answers',
      `${hostname} points to ${ipv4}, and no web server is running there.`,
      502,
    )
  } catch (thrown) {
    if (!(thrown instanceof ReplyLost)) throw thrown
    return new Response(new ReadableStream({ start: (controller) => controller.error(thrown) }))
  }
}
