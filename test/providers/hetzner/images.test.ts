import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { HetznerProject, LABELS, refused } from './project'

let project: HetznerProject

beforeEach(() => {
  project = new HetznerProject()
})

afterEach(() => project.stand.stop())

const CREATE = 'POST /servers/{id}/actions/create_image'
const spec = { description: 'Before the upgrade', labels: { ...LABELS, 'atlas-run': 'run_1' } }

describe('a snapshot', () => {
  test('is made of a server, and is ready when its action has ended', async () => {
    const { cloud, stand } = project
    const { id } = await project.server()
    const { image, actionId } = await cloud.ensureImage(id, spec)
    expect(image).toEqual({
      id: image.id,
      type: 'snapshot',
      status: 'creating',
      description: 'Before the upgrade',
      sizeGb: null,
      serverId: id,
      labels: spec.labels,
      createdAt: stand.clock.now(),
    })
    expect(await cloud.getActions([actionId!])).toMatchObject([
      { command: 'create_image', status: 'running' },
    ])
    project.wait()
    const ready = await cloud.getImage(image.id)
    expect(ready).toMatchObject({ status: 'available' })
    expect(ready!.sizeGb).toBeGreaterThan(1)
  })

  test('is found by its labels, while it is made and later, instead of being made twice', async () => {
    const { cloud } = project
    const { id } = await project.server()
    const first = await cloud.ensureImage(id, spec)
    expect(await cloud.ensureImage(id, spec)).toEqual(first)
    project.wait()
    expect(await cloud.ensureImage(id, spec)).toMatchObject({
      image: { id: first.image.id, status: 'available' },
      actionId: null,
    })
    expect(project.asked(CREATE)).toBe(1)
  })

  test('of another occasion is another one', async () => {
    const { cloud } = project
    const { id } = await project.server()
    const first = await cloud.ensureImage(id, spec)
    project.wait()
    const other = { ...spec, labels: { ...spec.labels, 'atlas-run': 'run_2' } }
    const second = await cloud.ensureImage(id, other)
    expect(second.image.id).not.toBe(first.image.id)
    project.wait()
    expect((await cloud.listOwnImages(LABELS)).map((image) => image.id)).toEqual([
      first.image.id,
      second.image.id,
    ])
  })

  test('whose order got lost is not ordered again, not even while the list of images lags', async () => {
    const { cloud, stand } = project
    const { id } = await project.server()
    project.inject(CREATE, 'lose_reply')
    expect(await refused(cloud.ensureImage(id, spec))).toMatchObject({ outcome: 'unknown' })
    stand.twin.stale(40_000)
    const hidden = { code: 'unavailable', outcome: 'refused', retryAfterMs: 60_000 }
    expect(await refused(cloud.ensureImage(id, spec))).toMatchObject(hidden)
    // It is made by now, so the server would no longer refuse a second one as locked.
    project.wait(20_000)
    expect(await refused(cloud.ensureImage(id, spec))).toMatchObject({ ...hidden, retryAfterMs: 40_000 })
    project.wait(40_000)
    expect(await cloud.ensureImage(id, spec)).toMatchObject({ image: { status: 'available' } })
    expect(project.asked(CREATE)).toBe(1)
    expect(await cloud.listOwnImages(LABELS)).toHaveLength(1)
  })

  test('that failed is made again at once', async () => {
    const { cloud, stand } = project
    const { id } = await project.server()
    stand.twin.failNextAction('create_image', { code: 'action_failed', message: 'Action failed' })
    const { image } = await cloud.ensureImage(id, spec)
    project.wait()
    expect(await cloud.getImage(image.id)).toBeNull()
    expect((await cloud.ensureImage(id, spec)).image.id).not.toBe(image.id)
  })

  test('that is gone is not found, even if a list still shows it', async () => {
    const { cloud, stand } = project
    const { id } = await project.server()
    const { image } = await cloud.ensureImage(id, spec)
    project.wait(120_000)
    stand.twin.stale(10_000)
    await cloud.deleteImage(image.id)
    expect((await cloud.listOwnImages(LABELS)).map((one) => one.id)).toEqual([image.id])
    expect((await cloud.ensureImage(id, spec)).image.id).not.toBe(image.id)
  })

  test('cannot be made of a server that is locked or gone', async () => {
    const { cloud } = project
    const { id } = await project.server()
    await cloud.powerOff(id)
    expect(await refused(cloud.ensureImage(id, spec))).toMatchObject({
      code: 'unavailable',
      vendorCode: 'locked',
    })
    expect(await refused(cloud.ensureImage('4711', spec))).toMatchObject({ code: 'not_found' })
  })

  test('becomes a new server with the same disk, if the disk is large enough', async () => {
    const { cloud, stand } = project
    const { id } = await project.server()
    stand.driver.disks.set(id, 'everything of alice')
    const { image } = await cloud.ensureImage(id, spec)
    project.wait()
    const wanted = await project.spec({ name: 'atlas-alice-2', image: image.id })
    const { server } = await cloud.ensureServer(wanted)
    project.wait()
    expect(stand.driver.disks.get(server.id)).toBe('everything of alice')
    const small = { ...wanted, name: 'small', serverType: 'cx23' }
    expect(await refused(cloud.ensureServer(small))).toMatchObject({
      code: 'invalid',
      fields: { image: 'not accepted by Hetzner' },
    })
  })
})

describe('images', () => {
  test('are listed page by page, with the backups of any server but without what is not ours', async () => {
    const { cloud, stand } = project
    for (let n = 0; n < 60; n++) stand.twin.seedSnapshot({ description: `s${n}`, labels: LABELS })
    stand.twin.seedSnapshot({ description: 'foreign', labels: { other: 'yes' } })
    const listed = await cloud.listOwnImages(LABELS)
    expect(new Set(listed.map((image) => image.description)).size).toBe(60)
    expect(listed.map((image) => image.description)).not.toContain('foreign')
    expect(project.asked('GET /images')).toBe(3)
  })

  test("of Hetzner's own are none of ours", async () => {
    const { json } = await project.stand.call('GET', '/images/310557660')
    expect(json.image).toMatchObject({ type: 'system', name: 'debian-13' })
    expect(await project.cloud.getImage('310557660')).toBeNull()
    expect(await project.cloud.getImage('4711')).toBeNull()
  })

  test('are deleted once, a second time is harmless; a protected one is a conflict', async () => {
    const { cloud, stand } = project
    const { id } = stand.twin.seedSnapshot({ description: 'old' })
    await cloud.deleteImage(id)
    await cloud.deleteImage(id)
    expect(await cloud.getImage(id)).toBeNull()
    const kept = stand.twin.seedSnapshot({ description: 'kept', protected: true })
    expect(await refused(cloud.deleteImage(kept.id))).toMatchObject({
      code: 'conflict',
      vendorCode: 'protected',
    })
  })

  test('that are being made cannot be deleted yet', async () => {
    const { cloud } = project
    const { id } = await project.server()
    const { image } = await cloud.ensureImage(id, spec)
    expect(await refused(cloud.deleteImage(image.id))).toMatchObject({
      code: 'unavailable',
      outcome: 'refused',
    })
    project.wait()
    await cloud.deleteImage(image.id)
    expect(await cloud.getImage(image.id)).toBeNull()
  })
})
