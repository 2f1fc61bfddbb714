import { ReplyLost } from '../faults'
import { troublePage } from './app'
import type { Doors } from './doors'

export type FrontDoor = { url: string; stop(): Promise<void> }

/**
 * Where a browser reaches the tenants: `http://<name>.localhost:<port>`. It stands for the internet between a
 * visitor and a machine: DNS says which address, and the address answers or does not.
 */
export function startFrontDoor(
  doors: Doors,
  resolve: (hostname: string) => string | undefined,
  port: number,
): FrontDoor {
  const server = Bun.serve({
    port,
    hostname: '127.0.0.1',
    idleTimeout: 0,
    development: false,
    reusePort: false,
    fetch: (request) => answer(doors, resolve, request),
  })
  return { url: `http://127.0.0.1:${server.port}`, stop: () => server.stop(true) }
}

async function answer(
  doors: Doors,
  resolve: (hostname: string) => string | undefined,
  request: Request,
): Promise<Response> {
  const { hostname } = new URL(request.url)
  const ipv4 = resolve(hostname)
  if (!ipv4) {
    return troublePage('No such name', `The simulated DNS has no address for ${hostname} (yet).`, 502)
  }
  try {
    const reply = await doors.answerHttp(ipv4, request)
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
