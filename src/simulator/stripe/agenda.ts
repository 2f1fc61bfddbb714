type Entry = { at: number; order: number; key: string }

/** What is due when, the earliest first: a heap, in which an entry that was set anew is left behind until it is met. */
export class Agenda {
  private readonly heap: Entry[] = []
  private readonly valid = new Map<string, Entry>()
  private count = 0

  /** Says when this key is due, in milliseconds; undefined when it is not any more. */
  set(key: string, at: number | undefined): void {
    if (this.valid.get(key)?.at === at) return
    this.valid.delete(key)
    if (at === undefined) return
    const entry = { at, order: this.count++, key }
    this.valid.set(key, entry)
    this.heap.push(entry)
    this.rise(this.heap.length - 1)
  }

  /** When the earliest is due. */
  next(): number | undefined {
    return this.first()?.at
  }

  /** Takes the earliest that is due at a moment; undefined when none is. */
  take(nowMs: number): { at: number; key: string } | undefined {
    const first = this.first()
    if (!first || first.at > nowMs) return undefined
    this.valid.delete(first.key)
    this.pop()
    return first
  }

  private first(): Entry | undefined {
    while (this.heap[0] && this.valid.get(this.heap[0].key) !== this.heap[0]) this.pop()
    return this.heap[0]
  }

  private pop(): void {
    const last = this.heap.pop()
    if (!last || this.heap.length === 0) return
    this.heap[0] = last
    this.sink(0)
  }

  private rise(index: number): void {
    const parent = (index - 1) >> 1
    if (index === 0 || !this.isBefore(index, parent)) return
    this.swap(index, parent)
    this.rise(parent)
  }

  private sink(index: number): void {
    const [left, right] = [2 * index + 1, 2 * index + 2]
    const earlier = right < this.heap.length && this.isBefore(right, left) ? right : left
    if (earlier >= this.heap.length || !this.isBefore(earlier, index)) return
    this.swap(index, earlier)
    this.sink(earlier)
  }

  private isBefore(one: number, other: number): boolean {
    const [a, b] = [this.heap[one], this.heap[other]]
    return !!a && !!b && (a.at < b.at || (a.at === b.at && a.order < b.order))
  }

  private swap(one: number, other: number): void {
    const [a, b] = [this.heap[one], this.heap[other]]
    if (!a || !b) return
    this.heap[one] = b
    this.heap[other] = a
  }
}
