import { Duplex } from 'node:stream'

/** Two ends of one connection inside this process: what is written into one comes out of the other. */
export function cable(): [Duplex, Duplex] {
  const ends: [Duplex, Duplex] = [end(() => ends[1]), end(() => ends[0])]
  return ends
}

function end(other: () => Duplex): Duplex {
  return new Duplex({
    read() {},
    write(chunk, _encoding, written) {
      // Later, as on a wire: nobody is called back while still calling.
      process.nextTick(() => {
        written()
        if (!other().destroyed) other().push(chunk)
      })
    },
    final(ended) {
      process.nextTick(() => {
        if (!other().destroyed) other().push(null)
        ended()
      })
    },
    destroy(error, destroyed) {
      process.nextTick(() => other().destroy())
      destroyed(error)
    },
  })
}
