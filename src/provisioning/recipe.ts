import type { Recipe } from '../runs/recipe'
import type { Services } from '../services'
import { checkHealth, deliverSettings, startApp } from './app'
import { setCloudBackups } from './cloud-backups'
import { fail, goLive, takeBack, tryAgain, turnBack } from './ending'
import { rotateHostKey, verifyHostKey } from './host-key'
import { pointDns, waitForDns } from './name'
import { generateSecrets } from './prepare'
import { createServer, ensureFirewall, waitForServer } from './server'

/** From an approved signup to a live tenant. */
export function provisionRecipe(services: Services): Recipe {
  return {
    kind: 'provision',
    title: 'Provision',
    steps: [
      generateSecrets(services),
      ensureFirewall(services),
      createServer(services),
      waitForServer(services),
      verifyHostKey(services),
      rotateHostKey(services),
      setCloudBackups(services),
      pointDns(services),
      waitForDns(services),
      deliverSettings(services),
      startApp(services),
      checkHealth(services),
    ],
    succeeded: (tx, run, nowMs) => goLive(tx, services, run, nowMs),
    failed: (tx, run, error, nowMs) => fail(tx, services, run, error, nowMs),
    undone: (tx, run, nowMs) => takeBack(tx, run, nowMs),
    retried: (tx, run, nowMs) => tryAgain(tx, run, nowMs),
    turned: (tx, run, nowMs) => turnBack(tx, run, nowMs),
  }
}
