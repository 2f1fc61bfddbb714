import { gzipSync } from 'node:zlib'
import { type Document, isScalar, type Scalar, visit } from 'yaml'
import { invalid } from '../errors'
import type { Blueprint } from './blueprint'
import { checkTemplate, fillTemplate, placeholdersOf } from './template'
import { parseYaml } from './yaml'

/** Hetzner refuses user-data of more than 32 KiB. */
export const USER_DATA_BYTES_MAX = 32 * 1024

const HEADER = '#cloud-config\n'
// The agent is for a file with `encoding: gz+b64`: as plain text it would not fit.
const REQUIRED = ['agent.gzip', 'atlas_public_key', 'host_key.private', 'host_key.public']
const VARIABLES = [...REQUIRED, 'hostname']

export type UserDataInput = {
  /** Serves the first login only. `privateKey` is OpenSSH's PEM, `publicKey` is `ssh-ed25519 AAAA...`. */
  hostKey: { privateKey: string; publicKey: string }
  /** The key that Atlas logs in with, as an OpenSSH public key without options. */
  atlasPublicKey: string
  /** The text of agent.sh. */
  agent: string
  /** The tenant's full name, without a port. */
  hostname: string
}

/**
 * The user-data of one tenant's server, at most 32 KiB, beginning with `#cloud-config`. Values are set into the
 * parsed YAML, so none can add to its structure. Throws `invalid` for a malformed value or a result too long.
 */
export function renderUserData(blueprint: Pick<Blueprint, 'userData'>, input: UserDataInput): string {
  const problems = inputProblems(input)
  if (Object.keys(problems).length > 0) throw invalid('The values for the user-data are malformed.', problems)
  const text = fillUserData(blueprint.userData, input)
  const bytes = Buffer.byteLength(text)
  if (bytes <= USER_DATA_BYTES_MAX) return text
  throw invalid(`The user-data has ${bytes} bytes; a server takes ${USER_DATA_BYTES_MAX} at most.`)
}

// Every server gets the same agent, and to compress it takes longer than all the rest.
let packed = { agent: '', gzip: '' }

function gzipped(agent: string): string {
  if (packed.agent !== agent) packed = { agent, gzip: gzipSync(agent, { level: 9 }).toString('base64') }
  return packed.gzip
}

// A blueprint's template stays the same from server to server, and to read it takes longer than to fill it.
let read = { template: '', document: parseYaml('').document }

function documentOf(template: string): Document {
  if (read.template !== template) read = { template, document: parseYaml(template).document }
  return read.document.clone()
}

/** The filled template, of whatever length and from whatever values. */
export function fillUserData(template: string, input: UserDataInput): string {
  const values: Record<string, string> = {
    'agent.gzip': gzipped(input.agent),
    atlas_public_key: input.atlasPublicKey.trim(),
    'host_key.private': `${input.hostKey.privateKey.trim()}\n`,
    'host_key.public': input.hostKey.publicKey.trim(),
    hostname: input.hostname,
  }
  const document = documentOf(template)
  visit(document, { Scalar: (_key, scalar) => fill(scalar, values) })
  return document.toString({ lineWidth: 0 })
}

/** What is wrong with a template of user-data; each begins with `:<line>: ` or `: `. */
export function userDataProblems(template: string): string[] {
  const yaml = parseYaml(template)
  if (yaml.problems.length > 0) return yaml.problems
  const problems: string[] = []
  if (!template.startsWith(HEADER)) problems.push(': does not begin with #cloud-config')
  const seen = new Set<string>()
  visit(yaml.document, {
    Scalar: (_key, { value }) => {
      if (typeof value !== 'string') return
      for (const name of placeholdersOf(value)) seen.add(name)
      problems.push(...checkTemplate(value, VARIABLES).map((words) => `: ${words}`))
    },
  })
  for (const name of REQUIRED) if (!seen.has(name)) problems.push(`: lacks {{${name}}}`)
  return problems
}

function fill(scalar: Scalar, values: Record<string, string>): void {
  if (!isScalar(scalar) || typeof scalar.value !== 'string') return
  scalar.value = fillTemplate(scalar.value, values)
  if ((scalar.value as string).includes('\n')) scalar.type = 'BLOCK_LITERAL'
}

const PUBLIC_KEY = /^(ssh-ed25519|ecdsa-sha2-nistp(256|384|521)|ssh-rsa) [A-Za-z0-9+/]+={0,2}$/
const PRIVATE_KEY =
  /^-----BEGIN OPENSSH PRIVATE KEY-----\n([A-Za-z0-9+/=]+\n)+-----END OPENSSH PRIVATE KEY-----$/
const HOSTNAME = /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/

function inputProblems({ hostKey, atlasPublicKey, agent, hostname }: UserDataInput): Record<string, string> {
  const problems: Record<string, string> = {}
  if (!PRIVATE_KEY.test(hostKey.privateKey.trim())) problems.hostKey = 'is no private key of OpenSSH'
  else if (!hostKey.publicKey.startsWith('ssh-ed25519 ')) problems.hostKey = 'is no ed25519 key'
  else if (!PUBLIC_KEY.test(hostKey.publicKey.trim())) problems.hostKey = 'has a malformed public half'
  if (!PUBLIC_KEY.test(atlasPublicKey.trim())) problems.atlasPublicKey = 'is no public key of OpenSSH'
  if (!agent.startsWith('#!/bin/sh\n')) problems.agent = 'is not the agent'
  if (!HOSTNAME.test(hostname)) problems.hostname = 'is no host name'
  return problems
}
