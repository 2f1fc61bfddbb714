import { type ParsedKey, utils } from 'ssh2'

export type HostKey = { privateKey: string; publicKey: string }

const PUBLIC_BLOB_BYTES = 51

/** A new ed25519 host key. */
export function newHostKey(): HostKey {
  for (;;) {
    const { private: privateKey } = utils.generateKeyPairSync('ed25519')
    const key = readHostKey(privateKey)
    // ssh2's generator drops leading zero bytes: one key in 256 is broken.
    if (key) return key
  }
}

/** Reads an OpenSSH ed25519 private key; null when sshd would not take it. */
export function readHostKey(privateKey: string): HostKey | null {
  const parsed = utils.parseKey(privateKey)
  if (parsed instanceof Error) return null
  // ssh2's types promise one key where older formats give a list.
  const key: ParsedKey = [parsed].flat()[0]!
  const blob = key.getPublicSSH()
  if (key.type !== 'ssh-ed25519' || !key.isPrivateKey() || blob.length !== PUBLIC_BLOB_BYTES) return null
  return { privateKey, publicKey: `ssh-ed25519 ${blob.toString('base64')}` }
}
