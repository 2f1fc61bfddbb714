/** What Atlas asks of a mail provider; `resend.ts` is the real client. */
export interface Mailer {
  /** Sends one mail. The same key with the same mail is sent once; resolves to the provider's id. */
  send(mail: Mail, idempotencyKey: string): Promise<{ id: string }>
}

export type Mail = { from: string; to: string; subject: string; html: string; text: string }
