import { expect, test } from 'bun:test'
import { AtlasError, asAtlasError, RATE_LIMITED, tooOften, unavailable } from '../src/errors'
import { Refusal, statusOf } from '../src/routes/refusal'

test('what Atlas says itself stays as it is', () => {
  const error = unavailable('Hetzner cannot be reached.', { outcome: 'unknown', vendorCode: 'timeout' })
  expect(asAtlasError(error)).toBe(error)
})

test('what nobody foresaw becomes internal, with general words and its cause kept', () => {
  for (const thrown of [
    new TypeError('x of undefined'),
    'words',
    undefined,
    { code: 'not_found', message: 'sly' },
  ]) {
    const error = asAtlasError(thrown)
    expect(error.code).toBe('internal')
    expect(error.message).toBe('Something went wrong inside Atlas. The log has the details.')
    expect(error.cause).toBe(thrown)
  }
})

test('asking too often is worth trying again, and surely did nothing', () => {
  expect(tooOften(5_000)).toMatchObject({
    code: 'unavailable',
    outcome: 'refused',
    vendorCode: RATE_LIMITED,
    retryAfterMs: 5_000,
  })
})

test('only HTTP’s own refusals are narrower than their code', () => {
  expect(statusOf(new Refusal(413, 'Too large.'))).toBe(413)
  expect(statusOf(tooOften(1))).toBe(429)
  expect(statusOf(unavailable('Gone.'))).toBe(503)
  // A vendor's 429 is our 503: it is not the visitor who asks too often.
  expect(statusOf(unavailable('Busy.', { vendorCode: 'rate_limit_exceeded' }))).toBe(503)
  expect(statusOf(new AtlasError('internal', 'x'))).toBe(500)
})
