import { LoginConfirmPage, LoginRefusedPage } from '../../views/login/confirm'
import { LoginRequestPage } from '../../views/login/request'
import { LoginSentPage } from '../../views/login/sent'
import { LINK_LASTS_MS, redeemLoginLink, requestLoginLink } from '../accounts/login'
import { endSession, SESSION_LASTS_MS } from '../accounts/session'
import { audit } from '../audit'
import { asAtlasError } from '../errors'
import { page, redirect } from './answer'
import { clearCookie, cookieName, setCookie } from './cookie'
import { statusOf } from './refusal'
import { readForm } from './request'
import { routes } from './route'

/** The operator's way in: a link by mail, used up by POST in the browser that asked for it. */
export const loginRoutes = routes(
  {
    method: 'GET',
    path: '/login',
    policy: 'public',
    handle: ({ session }) => (session?.isOperator ? redirect('/admin') : LoginRequestPage({})),
  },
  {
    method: 'POST',
    path: '/login',
    policy: 'public',
    handle: async ({ services, request, visitor }) => {
      const { email = '' } = await readForm(request)
      if (!/^[^\s@]+@[^\s@]+$/.test(email.trim()) || email.length > 254) {
        const error = 'Enter your email address, such as ada@example.com.'
        return page(LoginRequestPage({ email, error }), 422)
      }
      const browser = requestLoginLink(services, email, visitor)
      const cookie = setCookie('browser', browser, services.settings.baseUrl, LINK_LASTS_MS)
      return page(LoginSentPage({ validMinutes: LINK_LASTS_MS / 60_000 }), 200, { 'set-cookie': cookie })
    },
  },
  {
    method: 'GET',
    path: '/login/confirm',
    policy: 'public',
    handle: ({ url }) => {
      const half = (name: string) => url.searchParams.get(name) ?? ''
      return LoginConfirmPage({ token: half('token'), browser: half('browser'), action: '/login/confirm' })
    },
  },
  {
    method: 'POST',
    path: '/login/confirm',
    policy: 'public',
    handle: async ({ services, request, visitor, cookies }) => {
      const { baseUrl } = services.settings
      const { token = '', browser } = await readForm(request)
      try {
        const asked = browser || cookies[cookieName('browser', baseUrl)]
        const session = redeemLoginLink(services, token, asked, visitor)
        const earlier = cookies[cookieName('session', baseUrl)]
        if (earlier) services.db.write((tx) => endSession(tx, earlier))
        const response = redirect('/admin')
        response.headers.append('set-cookie', setCookie('session', session, baseUrl, SESSION_LASTS_MS))
        response.headers.append('set-cookie', clearCookie('browser', baseUrl))
        return response
      } catch (thrown) {
        const error = asAtlasError(thrown)
        if (error.code === 'internal') throw thrown
        return page(LoginRefusedPage({ sentence: error.message }), statusOf(error))
      }
    },
  },
  {
    method: 'POST',
    path: '/logout',
    policy: 'public',
    handle: ({ services, cookies, actor, session }) => {
      const { db, clock, settings } = services
      const token = cookies[cookieName('session', settings.baseUrl)]
      if (token) {
        db.write((tx) => {
          endSession(tx, token)
          if (session) audit(tx, clock.now(), { actor, action: 'logout', subject: session.userId })
        })
      }
      return redirect('/login', { 'set-cookie': clearCookie('session', settings.baseUrl) })
    },
  },
)
