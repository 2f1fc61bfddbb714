import { type Ending, play } from './play'
import type { Shop } from './shop'
import type { Story } from './story'

/** A story is shortened by at most so many tellings. */
const TELLINGS_MAX = 400

/**
 * The shortest story that still breaks what a story breaks: without the customers, acts, crashes, faults, outages and
 * jumps that it does not need. The faults stand in it one by one, so that it needs no dice.
 */
export async function shrink(shop: Shop, ending: Ending): Promise<Ending> {
  const broken = new Set(ending.wrong.map(sentenceOf))
  let tellings = 0
  let shortest = ending
  const tryOut = async (story: Story): Promise<boolean> => {
    if (tellings++ >= TELLINGS_MAX) return false
    const told = await play(shop, story)
    if (!told.wrong.some((one) => broken.has(sentenceOf(one)))) return false
    shortest = told
    return true
  }
  await tryOut({ ...ending.story, weather: ending.strikes })
  for (let before = ''; before !== JSON.stringify(shortest.story); ) {
    before = JSON.stringify(shortest.story)
    for (const part of PARTS) await without(part, () => shortest.story, tryOut)
  }
  return shortest
}

/** A list in a story that may be shorter. */
type Part = { of(story: Story): readonly unknown[]; with(story: Story, list: unknown[]): Story }

const PARTS: readonly Part[] = [
  list('customers'),
  acts(0),
  acts(1),
  acts(2),
  list('outages'),
  list('jumps'),
  list('deaths'),
  {
    of: ({ weather }) => (Array.isArray(weather) ? weather : []),
    with: (story, weather) => ({ ...story, weather: weather as never }),
  },
]

function list(name: 'customers' | 'outages' | 'jumps' | 'deaths'): Part {
  return { of: (story) => story[name], with: (story, items) => ({ ...story, [name]: items }) }
}

function acts(index: number): Part {
  return {
    of: ({ customers }) => customers[index]?.acts ?? [],
    with: (story, items) => ({
      ...story,
      customers: story.customers.map((one, at) =>
        at === index ? { ...one, acts: items as typeof one.acts } : one,
      ),
    }),
  }
}

/** Leaves out as much of a list as can be left out: halves first, single items last. */
async function without(
  part: Part,
  story: () => Story,
  tryOut: (story: Story) => Promise<boolean>,
): Promise<void> {
  for (
    let size = Math.ceil(part.of(story()).length / 2);
    size >= 1;
    size = size === 1 ? 0 : Math.ceil(size / 2)
  ) {
    for (let from = 0; from < part.of(story()).length; ) {
      const items = [...part.of(story())]
      items.splice(from, size)
      if (!(await tryOut(part.with(story(), items)))) from += size
    }
  }
}

/** Which invariant it is, without what broke it. */
function sentenceOf(wrong: string): string {
  return wrong.split(' But: ')[0] ?? wrong
}
