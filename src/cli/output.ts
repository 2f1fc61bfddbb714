/** Where a command's lines go: what was asked for, and what there is to say about it. */
export type Output = { out(line: string): void; err(line: string): void }
