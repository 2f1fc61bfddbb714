import { Empty } from '../components/empty'
import { countWords, listHref, type Page, Pager } from '../components/pager'
import { type Order, Table } from '../components/table'
import { Time } from '../components/time'
import type { Html } from '../jsx-runtime'
import { AdminHeading, AdminPage, type Operator } from '../layout/admin-page'
import { ListFilter } from './list-filter'

/** One release; times in UTC milliseconds. */
export type ReleaseRow = {
  id: string
  tag: string
  notes: string
  migration: 'none' | 'reversible' | 'expand' | 'contract'
  backup: boolean
  images: { image: string; digest: string }[]
  /** Who made it known, in words. */
  by: string
  createdAt: number
  /** How many tenants run it. */
  tenants: number
}

export type ReleasesProps = {
  operator: Operator
  releases: ReleaseRow[]
  /** What tenants run that was never deployed: they were made with it. */
  unknown: { tag: string; tenants: number }[]
  page: Page
  filter: { blueprint: string; q: string; data: string } & Order
  blueprints: string[]
  now: number
}

const PATH = '/admin/releases'

/** Every release of a blueprint, to search, filter and sort. */
export function ReleasesPage(props: ReleasesProps): Html {
  const { operator, releases, unknown, page, filter, blueprints, now } = props
  return (
    <AdminPage operator={operator} section="rollouts" title="Releases">
      <AdminHeading title="Releases" back={{ href: '/admin/rollouts', label: 'Rollouts' }}>
        <a class="button button-primary" href="/admin/deploy">
          Deploy a release
        </a>
      </AdminHeading>
      {blueprints.length > 1 && (
        <nav class="facets block" aria-label="Blueprints">
          <ul class="plain">
            {blueprints.map((blueprint) => (
              <li>
                <a
                  class="facet"
                  href={listHref(PATH, { blueprint })}
                  aria-current={blueprint === filter.blueprint ? 'true' : undefined}
                >
                  {blueprint}
                </a>
              </li>
            ))}
          </ul>
        </nav>
      )}
      <ReleaseFilter filter={filter} />
      <section class="block" id="release-list" aria-labelledby="release-count">
        <h2 class="count" id="release-count" aria-live="polite">
          {countWords(page, 'release', 'releases')} of {filter.blueprint}
        </h2>
        {releases.length > 0 ? (
          <ReleaseTable releases={releases} filter={filter} now={now} />
        ) : (
          <NoReleases filter={filter} />
        )}
        {unknown.map(({ tag, tenants }) => (
          <p class="muted">
            {tenants === 1 ? '1 tenant runs' : `${NUMBER.format(tenants)} tenants run`} <code>{tag}</code>, as
            when made.
          </p>
        ))}
        <Pager path={PATH} query={filter} page={page} />
      </section>
    </AdminPage>
  )
}

function ReleaseFilter({ filter }: Pick<ReleasesProps, 'filter'>): Html {
  const options = Object.entries(DATA).map(([value, label]) => ({ value, label }))
  return (
    <ListFilter
      path={PATH}
      target="release-list"
      search={{ label: 'Tag or notes', value: filter.q }}
      choices={[{ name: 'data', label: 'Data', any: 'Any data', value: filter.data, options }]}
      kept={{ blueprint: filter.blueprint, sort: filter.sort, dir: filter.dir }}
    />
  )
}

function NoReleases({ filter }: Pick<ReleasesProps, 'filter'>): Html {
  if (filter.q || filter.data) {
    return (
      <Empty title="No release matches">
        <p>
          <a href={listHref(PATH, { blueprint: filter.blueprint })}>Show all releases</a>
        </p>
      </Empty>
    )
  }
  return (
    <Empty title="No releases yet">
      <p>A tag becomes a release when it is first deployed, or shown what it would do.</p>
    </Empty>
  )
}

function ReleaseTable({ releases, filter, now }: Pick<ReleasesProps, 'releases' | 'filter' | 'now'>): Html {
  return (
    <Table
      label="Releases"
      list={{ path: PATH, filter }}
      columns={[
        { name: 'Tag', sort: 'tag' },
        { name: 'Tenants', class: 'number' },
        { name: 'Data', class: 'from-s', sort: 'data' },
        { name: 'Known since', class: 'from-m', sort: 'created' },
        { unseen: 'What can be done' },
      ]}
    >
      {releases.map((release) => (
        <ReleaseLine release={release} blueprint={filter.blueprint} now={now} />
      ))}
    </Table>
  )
}

const DATA = {
  none: 'as it is',
  reversible: 'reversible',
  expand: 'only added to',
  contract: 'no way back',
}

function ReleaseLine(props: { release: ReleaseRow; blueprint: string; now: number }): Html {
  const { tag, notes, migration, backup, images, by, createdAt, tenants } = props.release
  return (
    <tr>
      <td>
        <strong>{tag}</strong>
        {notes && <p class="row-note">{notes}</p>}
        <details class="row-note">
          <summary>{images.length === 1 ? '1 image' : `${images.length} images`}</summary>
          {images.map(({ image, digest }) => (
            <code class="fact-line">
              {image}@{digest}
            </code>
          ))}
        </details>
      </td>
      <td class="number">{NUMBER.format(tenants)}</td>
      <td class="from-s muted">
        {DATA[migration]}
        {backup && <p class="row-note">backup first</p>}
      </td>
      <td class="from-m muted">
        <Time at={createdAt} now={props.now} />
        <p class="row-note">by {by}</p>
      </td>
      <td class="row-action nowrap">
        <a href={listHref('/admin/deploy', { blueprint: props.blueprint, tag })}>
          Deploy<span class="visually-hidden"> {tag}</span>
        </a>
      </td>
    </tr>
  )
}

const NUMBER = new Intl.NumberFormat('en-US')
