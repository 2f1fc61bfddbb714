import type { Found } from './row'

/**
 * Has a row done by several processes of this program, each its share, and returns what each found. Throws when one
 * of them ends without a word.
 */
export async function shareOut(args: readonly string[], many: number): Promise<Found[]> {
  return Promise.all(
    Array.from({ length: many }, async (_, part) => {
      const child = Bun.spawn([...program(), 'crashtest', ...args, '--share', `${part}/${many}`], {
        stdout: 'pipe',
        stderr: 'inherit',
      })
      const said = await child.stdout.text()
      if ((await child.exited) !== 0)
        throw new Error(`A process of the crash test ended early. ${said.slice(-500)}`)
      return JSON.parse(said) as Found
    }),
  )
}

/** How this very program is started: the binary by itself, the source by Bun. */
function program(): string[] {
  return Bun.main.startsWith('/$bunfs/') ? [process.execPath] : [process.execPath, Bun.main]
}
