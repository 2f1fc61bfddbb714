import { createHash } from 'node:crypto'
import * as v from 'valibot'
import { invalidInput, nameTaken, notFound, parse, Refusal, timestamp } from './answers'
import { labelSelectorOf, labelsSchema } from './labels'
import { listAnswer, oneOf } from './lists'
import type { Project, SshKeyRow } from './project'
import type { Route } from './routes'

const FIRST_ID = 20_000_001

const newKey = v.object({
  name: v.pipe(v.string(), v.minLength(1)),
  public_key: v.string(),
  labels: v.optional(labelsSchema, {}),
})

const changedKey = v.object({
  name: v.optional(v.pipe(v.string(), v.minLength(1))),
  labels: v.optional(labelsSchema),
})

/** The SSH keys of the project. */
export function sshKeyRoutes(project: Project): Route[] {
  const show = (row: SshKeyRow, status = 200) => Response.json({ ssh_key: wireKey(row) }, { status })
  return [
    { method: 'GET', path: '/ssh_keys', answer: ({ url }) => listSshKeys(project, url) },
    {
      method: 'POST',
      path: '/ssh_keys',
      answer: ({ body }) => {
        const { name, public_key, labels } = parse(newKey, body)
        return show(addSshKey(project, name, public_key, labels), 201)
      },
    },
    { method: 'GET', path: '/ssh_keys/{id}', answer: ({ id }) => show(mustGet(project, id)) },
    {
      method: 'PUT',
      path: '/ssh_keys/{id}',
      answer: ({ id, body }) => show(changeSshKey(project, mustGet(project, id), body)),
    },
    {
      method: 'DELETE',
      path: '/ssh_keys/{id}',
      answer: ({ id }) => {
        project.sshKeys.delete(mustGet(project, id).id)
        return new Response(null, { status: 204 })
      },
    },
  ]
}

function listSshKeys({ sshKeys }: Project, url: URL): Response {
  const named = oneOf(url, 'name')
  const printed = oneOf(url, 'fingerprint')
  const selects = labelSelectorOf(url)
  const rows = sshKeys
    .all()
    .filter((key) => named(key.name) && printed(key.fingerprint) && selects(key.labels))
  return listAnswer('ssh_keys', rows, url, wireKey)
}

function changeSshKey({ sshKeys }: Project, key: SshKeyRow, body: unknown): SshKeyRow {
  const { name = key.name, labels = key.labels } = parse(changedKey, body)
  if (sshKeys.find((other) => other.id !== key.id && other.name === name)) throw nameTaken('SSH key')
  return sshKeys.put({ ...key, name, labels })
}

/** Adds a key to the project. Throws what Hetzner refuses it with. */
export function addSshKey(
  project: Project,
  name: string,
  publicKey: string,
  labels: Record<string, string> = {},
): SshKeyRow {
  const fingerprint = fingerprintOf(publicKey)
  if (fingerprint === null) throw invalidInput('public_key', 'invalid SSH public key')
  if (project.sshKeys.find((key) => key.name === name)) throw nameTaken('SSH key')
  if (project.sshKeys.find((key) => key.fingerprint === fingerprint)) {
    const details = { fields: [{ name: 'public_key' }] }
    throw new Refusal('uniqueness_error', 'SSH key with the same fingerprint already exists', details)
  }
  const id = project.nextId('ssh_key', FIRST_ID)
  return project.sshKeys.put({ id, name, publicKey, fingerprint, labels, createdAt: project.world.now() })
}

/** The keys that a request names by id or by name. */
export function findSshKeys(project: Project, idsOrNames: string[]): SshKeyRow[] {
  return idsOrNames.map((wanted) => {
    const key = project.sshKeys.get(wanted) ?? project.sshKeys.find((one) => one.name === wanted)
    if (!key) throw invalidInput('ssh_keys', 'SSH key not found')
    return key
  })
}

function mustGet(project: Project, id: string): SshKeyRow {
  const key = project.sshKeys.get(id)
  if (!key) throw notFound('SSH key', id)
  return key
}

/** The MD5 of the key's bytes, as Hetzner shows it; null when it is no public key. */
function fingerprintOf(publicKey: string): string | null {
  const [, kind = '', encoded = ''] =
    /^(ssh-[a-z0-9-]+|ecdsa-[a-z0-9-]+) ([A-Za-z0-9+/]+=*)/.exec(publicKey) ?? []
  const bytes = Buffer.from(encoded, 'base64')
  const inner = bytes.subarray(4, 4 + kind.length).toString('latin1')
  if (kind === '' || inner !== kind) return null
  return createHash('md5')
    .update(bytes)
    .digest('hex')
    .replace(/(..)(?!$)/g, '$1:')
}

function wireKey(row: SshKeyRow) {
  return {
    id: Number(row.id),
    name: row.name,
    fingerprint: row.fingerprint,
    public_key: row.publicKey,
    labels: row.labels,
    created: timestamp(row.createdAt),
  }
}
