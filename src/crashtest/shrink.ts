import { type Ending, type PlayOptions, play } from './play'
import type { Shop } from './shop'
import type { Story } from './story'

/** A story is shortened by at most so many tellings. */
const TELLINGS_MAX = 400
/** Of so few faults it is tried whether they may come earlier. */
const FEW = 2

/**
 * The shortest story that still breaks what a story breaks: without the customers, acts, crashes, faults, outages and
 * jumps that it does not need. The faults stand in it one by one, so that it needs no dice.
 */
export async function shrink(shop: Shop, ending: Ending, options: PlayOptions = {}): Promise<Ending> {
  const broken = new Set(ending.wrong.map(sentenceOf))
  let tellings = 0
  let shortest = ending
  const tryOut = async (story: Story): Promise<boolean> => {
    if (tellings++ >= TELLINGS_MAX) return false
    const told = await play(shop, story, options)
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
      const shorter = part.with(story(), items)
      let isShorter = false
      for (const variant of variants(shorter)) isShorter ||= await tryOut(variant)
      if (!isShorter) from += size
    }
  }
}

/**
 * A story, and the same with a fault that comes earlier: where less happens, what was the third call of its kind is
 * the second.
 */
function variants(story: Story): Story[] {
  const { weather } = story
  if (!Array.isArray(weather) || weather.length > FEW) return [story]
  const earlier = weather.flatMap((strike, index) =>
    Array.from({ length: strike.nth - 1 }, (_, less) => ({
      ...story,
      weather: weather.with(index, { ...strike, nth: strike.nth - 1 - less }),
    })),
  )
  return [story, ...earlier]
}

/** Which invariant it is, without what broke it. */
function sentenceOf(wrong: string): string {
  return wrong.split(' But: ')[0] ?? wrong
}
