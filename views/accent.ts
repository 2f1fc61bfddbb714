type Rgb = [number, number, number]

/** The surfaces of styles.css on which the accent must stay readable, lightest and darkest of each scheme. */
export const SURFACES = {
  light: { paper: '#faf9f6', surface: '#ffffff', sunken: '#f2f0ea' },
  dark: { paper: '#151412', surface: '#1d1c19', sunken: '#262420' },
}

// WCAG 2.2 AA: 4.5 for text, 3 for shapes; a little above, so that rounding to bytes cannot fall under it.
const TEXT_CONTRAST_MIN = 4.55
const SHAPE_CONTRAST_MIN = 3.05

/**
 * The stylesheet of `/assets/accent.css`: the shop's accent and what follows from it in light and in dark, so
 * that any colour keeps AA contrast. Throws a TypeError unless `hex` is `#rgb` or `#rrggbb`.
 */
export function accentCss(hex: string): string {
  const accent = parseHex(hex)
  const light = declarations(accent, Object.values(SURFACES.light), [0, 0, 0])
  const dark = declarations(accent, Object.values(SURFACES.dark), [255, 255, 255])
  return `:root{${light}}\n@media (prefers-color-scheme:dark){:root{${dark}}}\n`
}

/** The accent as a button's ground with a text colour that keeps AA contrast, for mails. Throws as `accentCss`. */
export function accentButton(hex: string): { ground: string; text: string } {
  const ground = parseHex(hex)
  return { ground: toHex(ground), text: toHex(textOn(ground)) }
}

function declarations(accent: Rgb, surfaceHexes: string[], toward: Rgb): string {
  const surfaces = surfaceHexes.map(parseHex)
  const soft = mix(surfaces[1]!, accent, 0.1)
  const edge = shift(accent, surfaces, toward, SHAPE_CONTRAST_MIN)
  const text = shift(accent, [...surfaces, soft], toward, TEXT_CONTRAST_MIN)
  const onFill = textOn(accent)
  // Hovering moves the fill away from its text, so contrast only grows.
  const hover = mix(accent, onFill[0] === 255 ? [0, 0, 0] : [255, 255, 255], 0.14)
  const colours = { '': accent, '-edge': edge, '-hover': hover, '-text': text, '-soft': soft }
  const named = Object.entries(colours).map(([name, colour]) => `--accent${name}:${toHex(colour)}`)
  return [...named, `--on-accent:${toHex(onFill)}`].join(';')
}

/** Mixes the colour toward black or white until it stands out from every surface. */
function shift(colour: Rgb, surfaces: Rgb[], toward: Rgb, contrastMin: number): Rgb {
  for (let share = 0; share < 1; share += 0.02) {
    const mixed = mix(colour, toward, share)
    if (surfaces.every((surface) => contrast(mixed, surface) >= contrastMin)) return mixed
  }
  return toward
}

/** White or black: against any colour at least one of them reaches 4.58. */
function textOn(fill: Rgb): Rgb {
  const white: Rgb = [255, 255, 255]
  return contrast(white, fill) >= TEXT_CONTRAST_MIN ? white : [0, 0, 0]
}

function mix(from: Rgb, to: Rgb, share: number): Rgb {
  const [r, g, b] = from.map((channel, i) => Math.round(channel + (to[i]! - channel) * share))
  return [r!, g!, b!]
}

/** WCAG's contrast ratio of two colours, 1 to 21. */
function contrast(one: Rgb, other: Rgb): number {
  const [bright, dim] = [luminance(one), luminance(other)].sort((a, b) => b - a)
  return (bright! + 0.05) / (dim! + 0.05)
}

function luminance(colour: Rgb): number {
  const [r, g, b] = colour.map((byte) => {
    const channel = byte / 255
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!
}

function parseHex(hex: string): Rgb {
  if (!/^#([0-9a-f]{3}|[0-9a-f]{6})$/i.test(hex)) throw new TypeError('An accent is a colour like #2f6f5e')
  const digits = hex.length === 4 ? [...hex.slice(1)].map((digit) => digit + digit).join('') : hex.slice(1)
  return [0, 2, 4].map((at) => Number.parseInt(digits.slice(at, at + 2), 16)) as Rgb
}

const toHex = (colour: Rgb) => `#${colour.map((byte) => byte.toString(16).padStart(2, '0')).join('')}`
