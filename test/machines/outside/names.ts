/** What a name's A record says now, if there is one. */
type Resolve = (name: string) => string | undefined

const HEADER_BYTES = 12
const TYPE_A = 1

/** A name server with the records of the simulated Route 53; `address` is where it listens. */
export async function startNames(address: string, resolve: Resolve) {
  const socket = await Bun.udpSocket({
    hostname: address,
    port: 0,
    socket: {
      data(own, query, port, sender) {
        const answer = answerTo(query, resolve)
        if (answer) own.send(answer, port, sender)
      },
    },
  })
  return { address: `${address}:${socket.port}`, stop: () => socket.close() }
}

/** One question, one answer at most: https://www.rfc-editor.org/rfc/rfc1035#section-4 */
function answerTo(query: Buffer, resolve: Resolve): Buffer | null {
  if (query.length < HEADER_BYTES + 5) return null
  const { name, end } = readName(query)
  const isForAddress = query.readUInt16BE(end) === TYPE_A
  const ipv4 = isForAddress ? resolve(name.toLowerCase()) : undefined
  const header = Buffer.from(query.subarray(0, HEADER_BYTES))
  header.writeUInt16BE(0x8400, 2)
  // Of the four counts only that of questions stays: what else came, such as EDNS, is not answered.
  for (const [at, count] of [1, ipv4 ? 1 : 0, 0, 0].entries()) header.writeUInt16BE(count, 4 + 2 * at)
  const question = query.subarray(HEADER_BYTES, end + 4)
  return Buffer.concat([header, question, ipv4 ? recordOf(ipv4) : Buffer.alloc(0)])
}

function readName(query: Buffer): { name: string; end: number } {
  const labels: string[] = []
  let at = HEADER_BYTES
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  return { name: labels.join('.'), end: at + 1 }
}

/** The name by a pointer to the question's, A, IN, for no time at all. */
function recordOf(ipv4: string): Buffer {
  return Buffer.from([0xc0, HEADER_BYTES, 0, TYPE_A, 0, 1, 0, 0, 0, 0, 0, 4, ...ipv4.split('.').map(Number)])
}
