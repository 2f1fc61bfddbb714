import { expect, test } from 'bun:test'
import { gzipSync } from 'node:zlib'
import { generateHostKey } from '../../src/providers/ssh/keys'
import { obey } from '../../src/simulator/machines/cloud-init'
import { userDataOf } from './machine-park'

const sha256 = (text: string) => new Bun.CryptoHasher('sha256').update(text).digest('hex')

test('reads users, their forced command, files and the marker', () => {
  const hostKey = generateHostKey()
  const boot = obey(userDataOf({ hostKey, publicKey: 'ssh-ed25519 AAAA' }))
  expect(boot.hostKey?.publicKey).toBe(hostKey.publicKey)
  expect(boot.logins).toEqual([
    {
      user: 'atlas',
      publicKey: 'ssh-ed25519 AAAA',
      forcedCommand: 'sudo -n /usr/local/lib/atlas/agent "$SSH_ORIGINAL_COMMAND"',
    },
  ])
  expect(boot.files).toEqual([
    { path: '/usr/local/lib/atlas/agent', mode: '0755', bytes: 10, sha256: sha256('#!/bin/sh\n') },
  ])
  expect(boot.marked).toBe(true)
})

test.each([
  ['b64', Buffer.from('hello').toString('base64')],
  ['gz+b64', gzipSync('hello').toString('base64')],
  ['', 'hello'],
])('decodes a file written as %p', (encoding, content) => {
  const { files } = obey(userDataOf({ change: { write_files: [{ path: '/x', encoding, content }] } }))
  expect(files[0]?.sha256).toBe(sha256('hello'))
})

test('a file that cannot be decoded is written as it came', () => {
  const { files } = obey(
    userDataOf({ change: { write_files: [{ path: '/x', encoding: 'gz', content: 'plain' }] } }),
  )
  expect(files[0]?.bytes).toBe(5)
})

test('skips what it cannot use and goes on', () => {
  const users = [
    'default',
    { name: 7 },
    { name: 'atlas', ssh_authorized_keys: ['nonsense', 'ssh-ed25519 AAAA'] },
  ]
  const boot = obey(userDataOf({ change: { users, ssh_keys: { ed25519_private: 'broken' } } }))
  expect(boot.logins).toEqual([{ user: 'atlas', publicKey: 'ssh-ed25519 AAAA', forcedCommand: null }])
  expect(boot.hostKey).toBeNull()
})

test.each(['', 'users: []', '#cloud-config\n{', '#cloud-config\nusers: 3', '#cloud-config\n- a'])(
  'user-data that is no cloud-config leaves nobody and says so: %p',
  (text) => {
    const boot = obey(text)
    expect(boot.logins).toEqual([])
    expect(boot.marked).toBe(false)
    expect(boot.log).toEqual([expect.stringContaining('Failed loading')])
  },
)

test('knows the names of a Caddyfile', () => {
  const content =
    '{\n  email a@b.c\n}\nAlice.example.com, http://www.example.com:80 {\n  handle {\n  }\n}\n(snippet) {\n}\n'
  const { sites } = obey(userDataOf({ change: { write_files: [{ path: '/etc/caddy/Caddyfile', content }] } }))
  expect(sites).toEqual(['alice.example.com', 'www.example.com'])
})
