import { join } from 'node:path'
import { Daemon } from '../program'
import type { Authority } from './authority'

/** Pebble, Let's Encrypt's own test server: it looks names up and visits them before it signs. */
export type Acme = {
  directoryUrl: string
  /** The authority that it signs with, in PEM. */
  root: string
  stop(): Promise<void>
}

/** Starts it; `nameServer` is an address with a port. */
export async function startAcme(
  folder: string,
  address: string,
  nameServer: string,
  { ca, certificate, key }: Authority,
): Promise<Acme> {
  const [directory, management] = [`${address}:14000`, `${address}:15000`]
  const pebble = {
    listenAddress: directory,
    managementListenAddress: management,
    certificate,
    privateKey: key,
    httpPort: 80,
    tlsPort: 443,
  }
  const file = join(folder, 'pebble.json')
  await Bun.write(file, JSON.stringify({ pebble }))
  // Otherwise it is slow and refuses one nonce in twenty, on purpose.
  const env = { PEBBLE_VA_NOSLEEP: '1', PEBBLE_WFE_NONCEREJECT: '0' }
  const argv = ['pebble', '-config', file, '-dnsserver', nameServer]
  const daemon = new Daemon(argv, join(folder, 'pebble.log'), env)
  const tls = { ca: await Bun.file(ca).text() }
  let root = ''
  await daemon.up(async () => {
    const answer = await fetch(`https://${management}/roots/0`, { tls })
    root = await answer.text()
    return answer.ok
  })
  return { directoryUrl: `https://${directory}/dir`, root, stop: () => daemon.stop() }
}
