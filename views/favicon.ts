import { accentButton } from './accent'

const FONT = 'Inter, system-ui, Segoe UI, Helvetica, Arial, sans-serif'

/**
 * The shop's icon for `/assets/favicon.svg`: its initial on its accent. Throws a TypeError unless `accent` is
 * `#rgb` or `#rrggbb`.
 */
export function shopFavicon(name: string, accent: string): string {
  const { ground, text } = accentButton(accent)
  const letter = `<text x="16" y="22.5" text-anchor="middle" fill="${text}">${Bun.escapeHTML(initial(name))}</text>`
  return icon(ground, `<g font-family="${FONT}" font-size="19" font-weight="700">${letter}</g>`)
}

/** Atlas's own icon for `/assets/atlas.svg`, so that the operator tells the dashboard's tab from the shop's. */
export function atlasFavicon(): string {
  const lines =
    '<circle cx="16" cy="9.4" r="4.2"/><path d="M13.6 13 8.6 25.5M18.4 13l5 12.5M10.8 20.4h10.4"/>'
  return icon(
    '#1b1a17',
    `<g fill="none" stroke="#fff" stroke-width="2.4" stroke-linecap="round">${lines}</g>`,
  )
}

/** The letter that stands for a name: its first character, in upper case. */
export const initial = (name: string): string => [...name.trim()][0]?.toUpperCase() ?? '?'

const icon = (ground: string, inner: string) =>
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="${ground}"/>${inner}</svg>`
