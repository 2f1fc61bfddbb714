/** A copy of what JSON can say, which takes a tenth of the time of a structured clone. */
export function copied<T>(value: T): T {
  if (Array.isArray(value)) return value.map(copied) as T
  if (typeof value !== 'object' || value === null) return value
  const copy: Record<string, unknown> = {}
  for (const [name, one] of Object.entries(value)) copy[name] = copied(one)
  return copy as T
}
