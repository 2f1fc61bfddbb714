import type { Row } from './row'
import { cancelling } from './rows/cancel'
import { control } from './rows/control'
import { crashes, dangling } from './rows/crashes'
import { crowd, poison } from './rows/crowd'
import { lives } from './rows/lives'
import { older } from './rows/older'
import { overlaps } from './rows/overlaps'
import { rolloutDeaths } from './rows/rollout-deaths'
import { rollouts } from './rows/rollouts'
import { versions } from './rows/versions'

/** The rows of the bar that need no second process; last the one that takes longest, for all its pairs. */
export const ROWS: readonly Row[] = [
  control,
  lives,
  older,
  overlaps,
  versions,
  poison,
  crowd,
  cancelling,
  dangling,
  rollouts,
  rolloutDeaths,
  crashes,
]
