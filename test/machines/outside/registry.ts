import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { Daemon } from '../program'
import type { Authority } from './authority'

/** Who may read and write there. */
export const LOGIN = { username: 'atlas', password: 'machines-registry-password-0000' }
/** The least that bcrypt takes: every request is checked anew. */
const BCRYPT_COST = 4

/** Debian's docker-registry at an address of its own, with TLS and a password. */
export class Registry {
  private constructor(
    readonly host: string,
    private readonly daemon: Daemon,
    private readonly ca: string,
  ) {}

  static async start(
    folder: string,
    address: string,
    { ca, certificate, key }: Authority,
  ): Promise<Registry> {
    const host = `${address}:5000`
    const passwords = join(folder, 'registry-passwords')
    const hash = await Bun.password.hash(LOGIN.password, { algorithm: 'bcrypt', cost: BCRYPT_COST })
    await Bun.write(passwords, `${LOGIN.username}:${hash}\n`)
    const config = {
      version: 0.1,
      log: { level: 'warn' },
      storage: { filesystem: { rootdirectory: join(folder, 'registry') } },
      auth: { htpasswd: { realm: 'registry', path: passwords } },
      http: { addr: host, tls: { certificate, key } },
    }
    const file = join(folder, 'registry.yaml')
    await Bun.write(file, JSON.stringify(config))
    const daemon = new Daemon(['docker-registry', 'serve', file], join(folder, 'registry.log'))
    const registry = new Registry(host, daemon, await Bun.file(ca).text())
    await daemon.up(async () => (await registry.call('GET', '/v2/')).ok)
    return registry
  }

  stop(): Promise<void> {
    return this.daemon.stop()
  }

  /**
   * Publishes an image of one layer, as `docker push` does; resolves to its digest.
   * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-manifests
   */
  async push(name: string, tag: string, image: { layer: Uint8Array; config: object }): Promise<string> {
    const packed = gzipSync(image.layer)
    const config = Buffer.from(
      JSON.stringify({
        architecture: process.arch === 'x64' ? 'amd64' : process.arch,
        os: 'linux',
        config: image.config,
        rootfs: { type: 'layers', diff_ids: [digestOf(image.layer)] },
      }),
    )
    await this.pushBlob(name, packed)
    await this.pushBlob(name, config)
    const manifest = JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST,
      config: { mediaType: CONFIG, size: config.length, digest: digestOf(config) },
      layers: [{ mediaType: LAYER, size: packed.length, digest: digestOf(packed) }],
    })
    await this.call('PUT', `/v2/${name}/manifests/${tag}`, manifest, MANIFEST)
    return digestOf(Buffer.from(manifest))
  }

  /** Has a tag stand for what another one stands for. */
  async retag(name: string, tag: string, other: string): Promise<void> {
    const manifest = await this.call('GET', `/v2/${name}/manifests/${other}`)
    await this.call('PUT', `/v2/${name}/manifests/${tag}`, await manifest.text(), MANIFEST)
  }

  private async pushBlob(name: string, blob: Uint8Array): Promise<void> {
    const { headers } = await this.call('POST', `/v2/${name}/blobs/uploads/`)
    const place = new URL(headers.get('location') ?? '', `https://${this.host}`)
    place.searchParams.set('digest', digestOf(blob))
    await this.call('PUT', place.pathname + place.search, blob, 'application/octet-stream')
  }

  private async call(method: string, path: string, body?: RequestInit['body'], type?: string) {
    const authorization = `Basic ${btoa(`${LOGIN.username}:${LOGIN.password}`)}`
    const headers = new Headers({ authorization, accept: MANIFEST })
    if (type) headers.set('content-type', type)
    const tls = { ca: this.ca }
    const answer = await fetch(`https://${this.host}${path}`, { method, body, headers, tls })
    if (answer.ok) return answer
    throw new Error(`${method} ${path} of the registry: ${answer.status} ${await answer.text()}`)
  }
}

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
const CONFIG = 'application/vnd.oci.image.config.v1+json'
const LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip'

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}
