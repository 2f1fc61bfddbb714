import { answer, body, object, refused, tenantInPath, text } from './words'

/** The change of a tenant's plan. */
export const planChangePaths = {
  '/api/admin/tenant/{id}/plan': {
    post: {
      summary: 'Change a tenant’s plan',
      parameters: [tenantInPath],
      requestBody: body(object({ plan: text('A plan’s id, such as `virtues/pro`.') })),
      responses: {
        202: answer(
          'Queued. Follow it at `/api/admin/runs/{id}`.',
          object({
            run_id: text('`run_…`'),
            downtime_minutes: { type: 'integer', description: 'For how long visitors will get no answer.' },
          }),
        ),
        ...refused(400, 401, 403, 404, 409, 413, 415, 422, 503),
      },
    },
  },
}
