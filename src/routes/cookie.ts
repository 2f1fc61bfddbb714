/** The cookies that Atlas sets. On https they carry the `__Host-` prefix, so no other host can set them. */
export type CookieName = 'session' | 'browser'

const isHttps = (baseUrl: string) => baseUrl.startsWith('https:')

/** The name a cookie has on this installation. */
export function cookieName(name: CookieName, baseUrl: string): string {
  return `${isHttps(baseUrl) ? '__Host-' : ''}atlas_${name}`
}

/** A Set-Cookie header. Strict would drop the cookie on the way back from a mail or from Stripe, so it is Lax. */
export function setCookie(name: CookieName, value: string, baseUrl: string, lastsMs: number): string {
  const secure = isHttps(baseUrl) ? '; Secure' : ''
  const age = Math.round(lastsMs / 1_000)
  return `${cookieName(name, baseUrl)}=${value}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${age}${secure}`
}

export function clearCookie(name: CookieName, baseUrl: string): string {
  return setCookie(name, '', baseUrl, 0)
}
