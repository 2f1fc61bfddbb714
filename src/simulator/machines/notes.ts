import { type Html, html } from '../html'
import type { Data } from './machine'

const NOTES_MAX = 50
const NOTE_CHARACTERS_MAX = 280
const FORM_BYTES_MAX = 8 * 1024

/** The note that a visitor leaves, empty when there is nothing in it; null for every other request. */
export async function noteIn(request: Request): Promise<string | null> {
  if (request.method !== 'POST' || new URL(request.url).pathname !== '/notes') return null
  const body = await request.arrayBuffer()
  if (body.byteLength > FORM_BYTES_MAX) return ''
  return cleaned(new URLSearchParams(Buffer.from(body).toString()).get('note') ?? '')
}

/** The app's data with one note more; of too many the oldest go. */
export function withNote(data: Data, note: string): Data {
  return note === '' ? data : { ...data, notes: [...data.notes, note].slice(-NOTES_MAX) }
}

/** The notes that visitors left in the app, and the form for another. */
export function notesSection({ notes }: Data): Html {
  const list = html`<ul>${notes.map((note) => html`<li>${note}</li>`)}</ul>`
  return html`<h2>Notes</h2>
    ${notes.length > 0 ? list : html`<p class="lead">Nobody has left a note yet.</p>`}
    <form method="post" action="/notes">
      <label for="note">Leave a note: it is kept on this server's own disk</label>
      <input id="note" name="note" maxlength="${NOTE_CHARACTERS_MAX}" required autocomplete="off">
      <button>Leave it</button>
    </form>`
}

function cleaned(text: string): string {
  const oneLine = text.replace(/\s+/g, ' ').trim()
  return [...oneLine].slice(0, NOTE_CHARACTERS_MAX).join('')
}
