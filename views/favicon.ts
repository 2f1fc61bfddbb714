/**
 * The mark as an SVG file for `/assets/favicon.svg`: a globe held up by two arms, on the shop's accent. Throws
 * a TypeError unless `accent` is `#rgb` or `#rrggbb`.
 */
export function faviconSvg(accent: string): string {
  if (!/^#([0-9a-f]{3}|[0-9a-f]{6})$/i.test(accent)) throw new TypeError('An accent is a colour like #2f6f5e')
  return [
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">',
    `<rect width="32" height="32" rx="8" fill="${accent}"/>`,
    '<g fill="none" stroke="#fff" stroke-width="2.4" stroke-linecap="round">',
    '<circle cx="16" cy="12.5" r="5.6"/><path d="M6.5 15.5a9.6 9.6 0 0 0 19 0"/><path d="M16 25.2v1.8"/>',
    '</g></svg>',
  ].join('')
}
