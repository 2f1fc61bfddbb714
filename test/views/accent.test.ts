import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { accentButton, accentCss, SURFACES } from '../../views/accent'

const colour = fc
  .tuple(fc.nat(255), fc.nat(255), fc.nat(255))
  .map((bytes) => `#${bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('')}`)

/** The custom properties that a stylesheet sets on :root, without and with dark mode. */
function rootProperties(css: string): { light: Map<string, string>; dark: Map<string, string> } {
  const [light, dark] = css.split(/@media \(prefers-color-scheme: ?dark\)/)
  const read = (part: string | undefined) =>
    new Map([...(part ?? '').matchAll(/(--[a-z-]+): ?([^;}]+)/g)].map(([, name, value]) => [name!, value!]))
  return { light: read(light), dark: read(dark) }
}

function luminance(hex: string): number {
  const channels = [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16) / 255)
  const [r, g, b] = channels.map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!
}

function contrast(one: string, other: string): number {
  const [a, b] = [luminance(one), luminance(other)]
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
}

const styles = await Bun.file(`${import.meta.dir}/../../views/styles.css`).text()

describe('any accent', () => {
  test('keeps AA contrast as text and under text, in light and in dark', () => {
    fc.assert(
      fc.property(colour, (hex) => {
        const schemes = rootProperties(accentCss(hex))
        for (const scheme of ['light', 'dark'] as const) {
          const accent = (name: string) => schemes[scheme].get(`--accent${name}`)!
          const onAccent = schemes[scheme].get('--on-accent')!
          expect(contrast(onAccent, accent(''))).toBeGreaterThanOrEqual(4.5)
          expect(contrast(onAccent, accent('-hover'))).toBeGreaterThanOrEqual(4.5)
          expect(contrast(accent('-text'), accent('-soft'))).toBeGreaterThanOrEqual(4.5)
          for (const surface of Object.values(SURFACES[scheme])) {
            expect(contrast(accent('-text'), surface)).toBeGreaterThanOrEqual(4.5)
            expect(contrast(accent('-edge'), surface)).toBeGreaterThanOrEqual(3)
          }
        }
      }),
    )
  })

  test('carries a readable button in a mail', () => {
    fc.assert(
      fc.property(colour, (hex) => {
        const { ground, text } = accentButton(hex)
        expect(contrast(ground, text)).toBeGreaterThanOrEqual(4.5)
      }),
    )
  })

  test('that is readable already stays as it is', () => {
    const { light } = rootProperties(accentCss('#2F6F5E'))
    for (const name of ['', '-edge', '-text']) expect(light.get(`--accent${name}`)).toBe('#2f6f5e')
    expect(rootProperties(accentCss('#25a')).light.get('--accent')).toBe('#2255aa')
  })

  test.each(['red', '2f6f5e', '#2f6f5', '#2f6f5e;}body{display:none', '#2f6f5e\n', ''])(
    '%p is refused',
    (hex) => {
      expect(() => accentCss(hex)).toThrow(TypeError)
      expect(() => accentButton(hex)).toThrow(TypeError)
    },
  )
})

describe('the stylesheet', () => {
  const { light, dark } = rootProperties(styles)

  test('has the surfaces that the accent is measured against', () => {
    for (const [name, hex] of Object.entries(SURFACES.light)) expect(light.get(`--${name}`)).toBe(hex)
    for (const [name, hex] of Object.entries(SURFACES.dark)) expect(dark.get(`--${name}`)).toBe(hex)
  })

  test('sets every colour in both schemes', () => {
    const colours = [...light].filter(([, value]) => value.startsWith('#')).map(([name]) => name)
    expect(colours.length).toBeGreaterThan(20)
    expect(colours.filter((name) => !dark.has(name))).toEqual([])
  })

  test('keeps AA contrast for text on every surface and for each status on its ground', () => {
    for (const scheme of [light, dark]) {
      for (const ink of ['--ink', '--ink-soft', '--ink-muted']) {
        for (const surface of ['--paper', '--surface', '--sunken']) {
          expect(contrast(scheme.get(ink)!, scheme.get(surface)!)).toBeGreaterThanOrEqual(4.5)
        }
      }
      for (const tone of ['--good', '--busy', '--attention', '--bad']) {
        expect(contrast(scheme.get(tone)!, scheme.get(`${tone}-soft`)!)).toBeGreaterThanOrEqual(4.5)
        expect(contrast(scheme.get(tone)!, scheme.get('--surface')!)).toBeGreaterThanOrEqual(4.5)
      }
      expect(contrast(scheme.get('--on-bad')!, scheme.get('--bad')!)).toBeGreaterThanOrEqual(4.5)
      expect(contrast(scheme.get('--line-strong')!, scheme.get('--surface')!)).toBeGreaterThanOrEqual(3)
    }
  })

  test('defines every custom property that it uses', () => {
    const defined = new Set([...styles.matchAll(/(--[a-z0-9-]+):/g)].map(([, name]) => name!))
    const used = [...styles.matchAll(/var\((--[a-z0-9-]+)/g)].map(([, name]) => name!)
    expect(used.filter((name) => !defined.has(name) && name !== '--node-border')).toEqual([])
  })

  test('loads nothing from elsewhere', () => {
    expect(styles).not.toMatch(/url\(|@import|https?:/)
  })
})
