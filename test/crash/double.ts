/** A mirror of simulated clouds in which everything is there twice. */
export async function startMirror(cloudsUrl: string): Promise<{ url: string; stop(): Promise<void> }> {
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: async (request) => {
      const { pathname, search } = new URL(request.url)
      const answer = await fetch(`${cloudsUrl}${pathname}${search}`)
      return Response.json(doubled(await answer.json()))
    },
  })
  return { url: `http://127.0.0.1:${server.port}`, stop: () => server.stop(true) }
}

/** Every list directly under the object, with each of its items twice. */
function doubled(state: unknown): unknown {
  const entries = Object.entries(state as Record<string, unknown>)
  return Object.fromEntries(
    entries.map(([key, value]) => [key, Array.isArray(value) ? [...value, ...value] : value]),
  )
}
