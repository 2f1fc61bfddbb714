import * as v from 'valibot'
import { nameTaken, parse } from './answers'
import { labelSelectorOf, labelsSchema } from './labels'
import { listAnswer, oneOf } from './lists'
import type { Project } from './project'
import type { Route } from './routes'
import { createServer, hostname } from './server-create'
import { mustGetServer, wireServer } from './server-wire'

const DELETE_MS = 3_000

const changedServer = v.object({ name: v.optional(hostname), labels: v.optional(labelsSchema) })

/** Servers: what is ordered, shown, changed and deleted. */
export function serverRoutes(project: Project): Route[] {
  const { servers } = project
  return [
    { method: 'GET', path: '/servers', answer: ({ url }) => listServers(project, url) },
    { method: 'POST', path: '/servers', answer: ({ body }) => createServer(project, body) },
    {
      method: 'GET',
      path: '/servers/{id}',
      answer: ({ id }) => Response.json({ server: wireServer(project, mustGetServer(project, id)) }),
    },
    {
      method: 'PUT',
      path: '/servers/{id}',
      answer: ({ id, body }) => {
        const row = mustGetServer(project, id)
        const { name = row.name, labels = row.labels } = parse(changedServer, body)
        if (servers.find((other) => other.id !== id && other.name === name)) throw nameTaken('server')
        return Response.json({ server: wireServer(project, servers.put({ ...row, name, labels })) })
      },
    },
    {
      method: 'DELETE',
      path: '/servers/{id}',
      answer: ({ id }) => {
        const row = mustGetServer(project, id)
        const action = project.begin(row, { command: 'delete_server', lastsMs: DELETE_MS })
        servers.put({ ...row, status: 'deleting' })
        return Response.json({ action: project.actions.wire(action) })
      },
    },
    {
      method: 'GET',
      path: '/servers/{id}/actions',
      answer: ({ id, url }) => {
        const inStatus = oneOf(url, 'status')
        const rows = project.actions.of(mustGetServer(project, id).id).map((row) => project.actions.wire(row))
        const shown = rows.filter((row) => inStatus(row.status))
        return listAnswer('actions', shown, url, (row) => row)
      },
    },
  ]
}

function listServers(project: Project, url: URL): Response {
  const named = oneOf(url, 'name')
  const inStatus = oneOf(url, 'status')
  const selects = labelSelectorOf(url)
  const { servers, addressOf } = project.listed
  const rows = servers.filter((row) => named(row.name) && inStatus(row.status) && selects(row.labels))
  return listAnswer('servers', rows, url, (row) => wireServer(project, row, addressOf))
}
