/** What Atlas asks of a DNS provider, in Route 53's words; `route53.ts` is the real client. */
export interface Dns {
  /** Creates the record or makes it equal; resolves to the id of the change. */
  upsertRecord(record: DnsRecord): Promise<{ changeId: string }>
  /** Deletes exactly this record; resolves to null when it was gone already. */
  deleteRecord(record: DnsRecord): Promise<{ changeId: string } | null>
  /** Whether all of the zone's name servers answer with the change. */
  getChange(changeId: string): Promise<'pending' | 'insync'>
  findRecord(name: string, type: DnsRecord['type']): Promise<DnsRecord | null>
  /** Every A and AAAA record of the zone, every page. */
  listRecords(): Promise<DnsRecord[]>
  /** How many record sets the zone has and may have. */
  getRecordLimit(): Promise<{ used: number; limit: number }>
}

export type DnsRecord = {
  /** Without a trailing dot, lower case. */
  name: string
  type: 'A' | 'AAAA'
  values: string[]
  ttlSeconds: number
}
