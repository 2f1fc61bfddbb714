/** Everything that Stripe's SDK fetches page by page. */
export async function everyPage<T>(list: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const one of list) found.push(one)
  return found
}
