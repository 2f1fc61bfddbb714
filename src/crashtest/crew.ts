import type { Found } from './row'

/**
 * Without JavaScriptCore's slowest compiler: a life runs through so much code, each part of it seldom, that it works on it
 * for most of two minutes beside the lives (5 to 9 % more of them without it).
 */
const QUICK_TO_BEGIN = { BUN_JSC_useFTLJIT: '0' }

/** How far a process is: the stories that it has told, and how many of them went wrong. */
export type Progress = { tried: number; wrong: number }

/**
 * Has a row done by several processes of this program, each its share, and returns what each found; `onProgress` is
 * told what all of them together have done so far. Throws when one of them ends without a word.
 */
export async function shareOut(
  args: readonly string[],
  many: number,
  onProgress: (progress: Progress) => void,
): Promise<Found[]> {
  const parts = Array.from({ length: many }, (): Progress => ({ tried: 0, wrong: 0 }))
  const total = (name: keyof Progress) => parts.reduce((sum, part) => sum + part[name], 0)
  return Promise.all(
    parts.map(async (_, part) => {
      const child = Bun.spawn([...program(), 'crashtest', ...args, '--share', `${part}/${many}`], {
        stdout: 'pipe',
        stderr: 'inherit',
        env: { ...process.env, ...QUICK_TO_BEGIN },
      })
      let last = ''
      for await (const line of linesOf(child.stdout)) {
        last = line
        if (!isProgress(line)) continue
        parts[part] = JSON.parse(line) as Progress
        onProgress({ tried: total('tried'), wrong: total('wrong') })
      }
      if ((await child.exited) !== 0 || isProgress(last))
        throw new Error(`A process of the crash test ended early. ${last.slice(-500)}`)
      return JSON.parse(last) as Found
    }),
  )
}

/** What a process says on its way, as a line; what it found is its last one. */
export function progressOf({ tried, wrong }: Found): string {
  return JSON.stringify({ tried, wrong: wrong.length } satisfies Progress)
}

function isProgress(line: string): boolean {
  return /^\{"tried":\d+,"wrong":\d+\}$/.test(line)
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
  if (rest !== '') yield rest
}

/** How this very program is started: the binary by itself, the source by Bun. */
function program(): string[] {
  return Bun.main.startsWith('/$bunfs/') ? [process.execPath] : [process.execPath, Bun.main]
}
