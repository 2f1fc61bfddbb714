import { describe, expect, test } from 'bun:test'
import { type FleetEnding, rollOut } from '../../src/crashtest/fleet'
import { writeFleetStory } from '../../src/crashtest/fleet-story'
import { CONTROLS, wrongWith } from '../../src/crashtest/rows/rollouts'
import { type Decide, decide } from '../../src/rollouts/decide'

const SEEDS = 500

const stories = Array.from({ length: SEEDS }, (_, seed) => writeFleetStory(seed))
const tell = (by: Decide, many = SEEDS) =>
  stories.slice(0, many).map((story) => ({ story, ending: rollOut(story, by) }))

describe('a release that goes out to 200 machines', () => {
  const told = tell(decide)
  const endings = (isMeant: (ending: FleetEnding, nature: string) => boolean) =>
    told.filter(({ story, ending }) => isMeant(ending, story.nature)).length

  test('never breaks more of them than it may, and never does what it must not', () => {
    const wrong = told.flatMap(({ story, ending }) =>
      wrongWith(story, ending).map((what) => `seed ${story.seed}: ${what}`),
    )
    expect(wrong).toEqual([])
  })

  test('breaks one when it is wholly bad', () => {
    for (const { story, ending } of told) if (story.nature === 'wholly bad') expect(ending.failed).toBe(1)
  })

  test('ends in every way that there is', () => {
    expect(endings(({ status }) => status === 'succeeded')).toBeGreaterThan(100)
    expect(endings(({ status }) => status === 'rolled_back')).toBeGreaterThan(100)
    expect(endings(({ status }) => status === 'stopped')).toBeGreaterThan(10)
    expect(endings(({ status }) => status === 'frozen')).toBeGreaterThan(10)
    expect(endings(({ status, failed }) => status === 'succeeded' && failed > 0)).toBeGreaterThan(10)
    expect(endings(({ failed, stopAt }) => failed === stopAt)).toBeGreaterThan(10)
  })

  test('that shows only later what it breaks is stopped too', () => {
    expect(
      endings(
        ({ status, failedLate }, nature) => nature === 'late' && failedLate > 0 && status !== 'succeeded',
      ),
    ).toBeGreaterThan(50)
  })

  test('ends in the same way whenever it is told', () => {
    expect(rollOut(writeFleetStory(7), decide)).toEqual(rollOut(writeFleetStory(7), decide))
  })
})

describe('the check itself rejects a rollout in which', () => {
  for (const [name, control] of Object.entries(CONTROLS)) {
    test(name, () => {
      const broken = tell(control, 200).filter(({ story, ending }) => wrongWith(story, ending).length > 0)
      expect(broken.length).toBeGreaterThan(20)
    })
  }
})
