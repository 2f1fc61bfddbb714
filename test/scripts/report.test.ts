import { describe, expect, test } from 'bun:test'
import { exitCode, readReport, readSkipped } from '../../scripts/report.ts'

const closing =
  ' 41 pass\n 2 skip\n 1 todo\n 3 fail\n 1 error\n 90 expect() calls\nRan 47 tests across 6 files.'

describe('the closing lines of bun test', () => {
  test('are counted', () => {
    expect(readReport(closing, 1)).toEqual({ passed: 41, failed: 3, skipped: 3 })
  })

  test('are counted through colours', () => {
    expect(readReport('\u001b[32m 7 pass\u001b[0m\n\u001b[2m 0 fail\u001b[0m\n', 0).passed).toBe(7)
  })

  test('a run that was killed counts as a failure', () => {
    expect(readReport('test/a.test.ts:\n(pass) a\n', null)).toEqual({ passed: 0, failed: 1, skipped: 0 })
  })

  test('a failure that no test owns counts as one', () => {
    expect(readReport(' 7 pass\n 0 fail\n', 1).failed).toBe(1)
  })

  test('a run of no tests at all is not a success', () => {
    expect(readReport(' 0 pass\n 0 fail\n', 0).failed).toBe(1)
  })
})

test('skipped tests are named with their file and group', () => {
  const junit = `<testsuite name="test/a.test.ts">
    <testcase name="runs" classname="group" file="test/a.test.ts" assertions="1" />
    <testcase name="fails" classname="" file="test/a.test.ts"><failure message="x" /></testcase>
    <testcase name="is &lt;valid&gt; (needs caddy)" classname="group" time="0" file="test/a.test.ts" line="3">
      <skipped />
    </testcase>
  </testsuite>`
  expect(readSkipped(junit)).toEqual(['test/a.test.ts: group > is <valid> (needs caddy)'])
})

test('skipped tests fail a run only where everything must run', () => {
  const report = { passed: 1, failed: 0, skipped: 1 }
  expect(exitCode(report, false)).toBe(0)
  expect(exitCode(report, true)).toBe(1)
  expect(exitCode({ ...report, skipped: 0 }, true)).toBe(0)
  expect(exitCode({ ...report, failed: 1 }, false)).toBe(1)
})
