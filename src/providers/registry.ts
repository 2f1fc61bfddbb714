/** What Atlas asks of container registries (OCI distribution, /v2/); `oci-registry.ts` is the real client. */
export interface Registry {
  /**
   * The digest that an image's tag stands for now: `sha256:` and 64 hex digits. Throws `not_found` when there is no
   * such image or tag, `unauthorized` when the credentials do not reach it.
   */
  resolve(image: ImageRef): Promise<{ digest: string }>
}

/** `ghcr.io/owner/app:v43` in its parts. */
export type ImageRef = {
  /** `ghcr.io`; Docker Hub's is `registry-1.docker.io`. */
  host: string
  /** `owner/app`. */
  repository: string
  tag: string
}
