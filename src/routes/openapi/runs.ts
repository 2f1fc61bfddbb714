import { answer, inPath, list, object, refused, text, time } from './words'

const runInPath = inPath('id', 'The run’s id, `run_…`.')

const RUN_FACTS = {
  id: text('`run_…`'),
  kind: text('What is done: `provision`, `suspend`, `change-plan`, `delete` and so on.'),
  status: { enum: ['queued', 'running', 'waiting', 'succeeded', 'failed', 'cancelled'] },
  direction: { enum: ['forward', 'undo'], description: '`undo` while it is being taken back.' },
  reason: { type: ['string', 'null'], description: 'Why it waits, or why it failed.' },
  created_at: { type: 'integer', description: 'UTC milliseconds.' },
  started_at: time('When its first step began.'),
  finished_at: time('When it ended.'),
}

export const RUN = object(RUN_FACTS)

const STEP = object({
  name: text('Its name in the recipe.'),
  title: text('In words.'),
  status: { enum: ['pending', 'running', 'waiting', 'succeeded', 'failed', 'undone'] },
  reason: { type: ['string', 'null'] },
  attempts: { type: 'integer' },
  started_at: time('When it began.'),
  finished_at: time('When it ended.'),
})

const mended = (summary: string, words: string) => ({
  post: {
    summary,
    parameters: [runInPath],
    responses: {
      202: answer(words, object({ run_id: text('The same run, `run_…`.') })),
      ...refused(401, 403, 404, 409),
    },
  },
})

/** One run, and what can be done about it. */
export const runPaths = {
  '/api/admin/runs/{id}': {
    get: {
      summary: 'Show a run with its steps',
      parameters: [runInPath],
      responses: {
        200: answer(
          'The run.',
          object({
            ...RUN_FACTS,
            tenant: object({ id: text('`ten_…`'), subdomain: text('Its name.') }),
            steps: list(STEP),
            can_retry: { type: 'boolean' },
            can_undo: { type: 'boolean' },
            can_cancel: { type: 'boolean' },
            undo_losses: list(text('What is gone for good when it is undone.')),
          }),
        ),
        ...refused(401, 404),
      },
    },
  },
  '/api/admin/runs/{id}/retry': mended('Retry a failed run', 'It goes on at the step that failed.'),
  '/api/admin/runs/{id}/undo': mended('Undo a failed run', 'It takes back what it did.'),
  '/api/admin/runs/{id}/cancel': mended(
    'Cancel a live run',
    'It finishes what it is at, then takes back what it did.',
  ),
}
