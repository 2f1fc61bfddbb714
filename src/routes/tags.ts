import { TagsPage, type TagsProps } from '../../views/admin/tags'
import { AtlasError, invalid } from '../errors'
import { tagsOf, tagTenant } from '../tenants/tags'
import { getTenant } from '../tenants/tenant'
import { operatorOf } from './admin'
import { json, page, redirect } from './answer'
import { readForm, readJson } from './request'
import { type Call, routes } from './route'

/** What a tenant is marked with. */
export const tagRoutes = routes(
  {
    method: 'GET',
    path: '/admin/tenants/:id/tags',
    policy: 'operator',
    handle: (call) => TagsPage(tagsProps(call)),
  },
  {
    method: 'POST',
    path: '/admin/tenants/:id/tags',
    policy: 'operator',
    handle: async (call) => {
      const { tags: value = '' } = await readForm(call.request)
      try {
        mark(call, value.split(/[\s,]+/).filter(Boolean))
      } catch (thrown) {
        if (!(thrown instanceof AtlasError) || !thrown.fields) throw thrown
        return page(TagsPage({ ...tagsProps(call), value, error: thrown.fields.tags }), 422)
      }
      return redirect(`/admin/tenants/${call.params.id}`)
    },
  },
  {
    method: 'POST',
    path: '/api/admin/tenant/:id/tags',
    policy: 'operator_api',
    handle: async (call) => {
      const { tags } = await readJson(call.request)
      if (!Array.isArray(tags) || !tags.every((tag) => typeof tag === 'string'))
        throw invalid('Some fields need another look.', { tags: 'Must be a list of words.' })
      return json({ tags: mark(call, tags) })
    },
  },
)

function mark({ services, params, actor }: Call, tags: readonly string[]): string[] {
  const { db, clock } = services
  const id = params.id ?? ''
  db.write((tx) => tagTenant(tx, id, tags, actor, clock.now()))
  return tagsOf(db.read, id)
}

function tagsProps(call: Call): TagsProps {
  const { read } = call.services.db
  const { id, subdomain } = getTenant(read, call.params.id ?? '')
  return { operator: operatorOf(call), tenant: { id, subdomain }, value: tagsOf(read, id).join(', ') }
}
