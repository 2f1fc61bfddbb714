import { chmodSync, cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runProgram } from '../program'
import type { Registry } from './registry'

/** The releases of the app, and what is the matter with each. */
const RELEASES = {
  v1: 'nothing',
  v2: 'nothing',
  v3: 'crashes',
  v4: 'looks-wrong',
  v5: 'cannot-migrate',
  v6: 'migrates-slowly',
}
/** The commands that the scripts of the images use. */
const APPLETS = ['sh', 'cat', 'head', 'nc', 'sleep', 'tr', 'wget']
const APPS = join(import.meta.dir, '../apps')

/** Publishes every release of the app, and its database; resolves to the digests by release. */
export async function publishReleases(registry: Registry): Promise<Record<string, string>> {
  const digests: Record<string, string> = {}
  for (const [release, trouble] of Object.entries(RELEASES))
    digests[release] = await publish(registry, 'app', release, `${release} ${trouble}\n`)
  await publish(registry, 'database', 'v1', 'v1\n')
  return digests
}

async function publish(registry: Registry, name: string, tag: string, about: string): Promise<string> {
  const layer = await layerOf(name, about)
  return registry.push(name, tag, { layer, config: { Cmd: ['/app/run'], Env: ['PATH=/bin'] } })
}

/** Nothing but Debian's static busybox and the scripts of the app. */
async function layerOf(name: string, about: string): Promise<Uint8Array<ArrayBuffer>> {
  const root = mkdtempSync(join(tmpdir(), 'atlas-image-'))
  try {
    for (const folder of ['bin', 'data', 'tmp']) mkdirSync(join(root, folder))
    cpSync(Bun.which('busybox') ?? '', join(root, 'bin/busybox'))
    for (const applet of APPLETS) symlinkSync('busybox', join(root, 'bin', applet))
    cpSync(join(APPS, name), join(root, 'app'), { recursive: true })
    for (const script of readdirSync(join(root, 'app'))) chmodSync(join(root, 'app', script), 0o755)
    await Bun.write(join(root, 'release'), about)
    const tar = join(root, 'tmp/layer.tar')
    await runProgram([
      'tar',
      '--create',
      '--file',
      tar,
      '--directory',
      root,
      'app',
      'bin',
      'data',
      'release',
      '--owner=0',
      '--group=0',
    ])
    return await Bun.file(tar).bytes()
  } finally {
    rmSync(root, { recursive: true })
  }
}
