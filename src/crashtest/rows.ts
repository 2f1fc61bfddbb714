import type { Row } from './row'
import { control } from './rows/control'
import { crashes, dangling } from './rows/crashes'
import { lives } from './rows/lives'
import { rollouts } from './rows/rollouts'

/** The rows of the bar that need no second process, in their order. */
export const ROWS: readonly Row[] = [crashes, control, lives, dangling, rollouts]
