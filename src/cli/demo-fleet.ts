import type { Services } from '../services'
import type { Simulator } from '../simulator/simulator'

export async function seedFleet(_services: Services, _clouds: Simulator, _count: number): Promise<number> {
  return 0
}
