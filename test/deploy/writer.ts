/** Writes numbered rows until it is killed, saying each number once its row is committed. */
import { openDb } from '../../src/db/open.ts'

const db = openDb(process.argv[2]!, 0)
db.sqlite.exec('CREATE TABLE IF NOT EXISTS numbers (number INTEGER PRIMARY KEY, text TEXT NOT NULL)')
const insert = db.sqlite.prepare('INSERT INTO numbers (text) VALUES (?) RETURNING number')

for await (const command of console) {
  for (let left = Number(command); left > 0; left--) {
    const row = insert.get('x'.repeat(500)) as { number: number }
    console.log(row.number)
    if (left % 10 === 0) await Bun.sleep(1)
  }
}
