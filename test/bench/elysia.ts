/** An Elysia route that gives the bytes of standard input from memory; its address is the first line. */
import { Elysia } from 'elysia'

const bytes = await Bun.stdin.text()
const headers = { 'content-type': 'text/html; charset=utf-8' }
const app = new Elysia()
  .get('/', () => new Response(bytes, { headers }))
  .listen({ port: 0, hostname: '127.0.0.1' })
console.log(`http://127.0.0.1:${app.server?.port}/`)
