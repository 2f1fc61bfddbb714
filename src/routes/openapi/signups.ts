import { answer, body, named, object, refused, text } from './words'

/** Signups and their payments. */
export const signupPaths = {
  '/api/signup': {
    post: {
      summary: 'Begin a signup and open its checkout',
      security: [],
      requestBody: body(
        object({
          subdomain: text('The name to have.'),
          email: text('The owner’s address.'),
          plan: text('A plan’s key, such as `starter`.'),
        }),
      ),
      responses: {
        201: answer(
          'Held. Send the customer to `checkout_url`.',
          object({
            signup_id: text('`sig_…`'),
            checkout_url: text('Where the customer pays.'),
            status_url: text('A page that follows the signup.'),
          }),
        ),
        ...refused(400, 403, 409, 413, 415, 422, 429, 503),
      },
    },
  },
  '/api/stripe/webhook': {
    post: {
      summary: 'Receive an event of Stripe',
      security: [],
      parameters: [{ name: 'Stripe-Signature', in: 'header', required: true, schema: { type: 'string' } }],
      requestBody: body({ type: 'object' }),
      responses: {
        200: answer('Stored, also when the type is unknown.', object({ received: { const: true } })),
        400: answer('It does not verify.', named('Error')),
        ...refused(413),
      },
    },
  },
  '/api/admin/provision': {
    post: {
      summary: 'Approve a paid signup and provision its tenant',
      requestBody: body(object({ signup_id: text('The signup’s id, `sig_…`.') })),
      responses: {
        202: answer('Queued.', object({ tenant_id: text('`ten_…`'), run_id: text('`run_…`') })),
        ...refused(400, 401, 403, 404, 409, 413, 415, 422),
      },
    },
  },
}
