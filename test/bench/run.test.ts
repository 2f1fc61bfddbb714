import { describe, expect, test } from 'bun:test'
import { judge as judgeDeploys } from './f1.ts'
import { judge as judgePages } from './f3.ts'
import { judge } from './f5.ts'
import { machineFacts, residentMb } from './machine.ts'
import { bench, type Result } from './run.ts'

const row = (result: Result) => async () => ({ measure: async () => result })

async function say(names: string[], table: Parameters<typeof bench>[1]) {
  const lines: string[] = []
  const exitCode = await bench(names, table, (line) => lines.push(line))
  return { exitCode, lines }
}

describe('the bench', () => {
  const table = { A1: row({ line: 'wait_ms=1', pass: true }), B2: row({ line: 'wait_ms=9', pass: false }) }

  test('names the machine and then says a line a row', async () => {
    expect(await say([], table)).toEqual({
      exitCode: 1,
      lines: [machineFacts(), 'A1 wait_ms=1 pass', 'B2 wait_ms=9 short'],
    })
  })

  test('measures only the rows it is asked for', async () => {
    expect(await say(['a1'], table)).toMatchObject({
      exitCode: 0,
      lines: { 1: 'A1 wait_ms=1 pass', length: 2 },
    })
  })

  test('lists the rows when asked for another', async () => {
    expect(await say(['A1', 'Z9'], table)).toEqual({
      exitCode: 2,
      lines: ['There is no row Z9. There are: A1, B2'],
    })
    expect((await say(['toString'], table)).exitCode).toBe(2)
  })
})

describe('F1', () => {
  const round = (wall: number, cpu: number) => ({
    atlas: { wallMs: wall * 9_000, cpuMs: cpu * 4_000 },
    loop: { wallMs: 9_000, cpuMs: 4_000 },
  })

  test('takes the median round, and both ratios count', () => {
    expect(judgeDeploys([round(0.9, 0.01), round(0.21, 0.2), round(0.2, 0.05)])).toEqual({
      line: 'wall_ratio=0.210 cpu_ratio=0.050',
      pass: true,
    })
    expect(judgeDeploys([round(0.34, 0.01)]).pass).toBe(false)
    expect(judgeDeploys([round(0.01, 0.11)]).pass).toBe(false)
  })
})

describe('F5', () => {
  test('takes the median wait, and every limit counts', () => {
    expect(judge([400, 80, 90], 70, 120)).toEqual({
      line: 'first_answer_ms=90 rss_mb=70 rss_with_10000_tenants_mb=120',
      pass: true,
    })
    expect(judge([150, 150, 150], 100, 150).pass).toBe(true)
    expect(judge([151, 151, 20], 70, 120).pass).toBe(false)
    expect(judge([80, 80, 80], 101, 120).pass).toBe(false)
    expect(judge([80, 80, 80], 70, 151).pass).toBe(false)
  })
})

describe('F3', () => {
  const page = (p99Ms: number, share: number) => ({ name: 'list', p99Ms, share })

  test('counts the slowest answers of every page, and its throughput', () => {
    expect(judgePages([page(9.94, 0.5)])).toEqual({ line: 'list_p99_ms=9.9 list_of_elysia=0.50', pass: true })
    expect(judgePages([page(1, 1), page(10, 1)]).pass).toBe(false)
    expect(judgePages([page(1, 1), page(1, 0.49)]).pass).toBe(false)
  })
})

describe('the machine', () => {
  test('has its facts on one line', () => {
    expect(machineFacts()).toMatch(/^machine: \d+ x .+, \d+ GB, .+, bun 1\.4\.5$/)
  })

  test('tells the memory of a process, and refuses one that is not there', () => {
    const ownMb = process.memoryUsage().rss / 1e6
    expect(residentMb(process.pid)).toBeGreaterThan(ownMb / 2)
    expect(residentMb(process.pid)).toBeLessThan(ownMb * 2)
    expect(() => residentMb(2 ** 22 + 1)).toThrow()
  })
})
