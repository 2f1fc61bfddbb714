/** What Atlas asks of S3-compatible storage; `s3.ts` is the real client. */
export interface Objects {
  /**
   * An address to which whoever has it may PUT this one object, for `expiresInSeconds` (604,800 at most) from
   * `signedAtMs` on, which is now unless it is given: the same arguments then give the same address.
   */
  uploadUrl(key: string, expiresInSeconds: number, signedAtMs?: number): Promise<string>
  /** An address from which whoever has it may GET this one object, likewise. */
  downloadUrl(key: string, expiresInSeconds: number, signedAtMs?: number): Promise<string>
  /** The object as it is stored; null when there is none. */
  head(key: string): Promise<StoredObject | null>
  /** Hands over every object whose key begins with `prefix`, a page of up to 1,000 at a time. */
  list(prefix: string, take: (page: ListedObject[]) => void): Promise<void>
  /** Hands an object over piece by piece. Throws `not_found` when there is none. */
  read(key: string, take: (piece: Uint8Array) => void): Promise<void>
  /** Harmless when it is gone already. */
  delete(key: string): Promise<void>
}

export type StoredObject = { sizeBytes: number; createdAt: number }
export type ListedObject = StoredObject & { key: string }
