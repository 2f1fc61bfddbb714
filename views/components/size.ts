const UNITS = ['B', 'kB', 'MB', 'GB', 'TB']

/** A size in words that are read at a glance: '264 B', '12.3 MB', '1.1 GB'. */
export function sizeWords(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(bytes) / 3))
  const value = bytes / 1000 ** power
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[power]}`
}
