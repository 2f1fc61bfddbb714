import { afterAll, beforeAll, beforeEach, expect } from 'bun:test'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { type Answer, agentServer } from './agent-server'

const REPOSITORY = 'ghcr.io/acme/app'
const COMPOSE = `services:\n  app:\n    image: ${REPOSITORY}:\${RELEASE:?}\n`

// A docker that has images by name and by digest, one app and its container, and a registry behind it. Files beside it
// say what goes wrong: hang-<part>, offline, disk-full, stale (the app is not switched over), up-<release> (it cannot
// be started), sick (the release that crashes at every look), restarts-<release> (how often it has crashed so far),
// migration-fails, frees (what removing an image leaves free).
const FAKE_DOCKER = `#!/bin/sh
printf '%s\\n' "$*" >>"$FAKE/calls"
for last; do :; done
hang() {
  [ -e "$FAKE/hang-$1" ] || return 0
  ps -o sid= -p "$$" | tr -d ' ' >"$FAKE/session"
  exec sleep 60
}
id_of() { awk -v name="$1" '$1 == name { id = $2 } END { print id; exit id == "" }' "$FAKE/images"; }
case "$*" in
  'info '*) echo "$FAKE" ;;
  'pull '*)
    hang pull
    cat "$DOCKER_CONFIG/config.json" >>"$FAKE/logins" 2>/dev/null
    [ ! -e "$FAKE/offline" ] || { echo 'connection reset by peer' >&2; exit 1; }
    [ ! -e "$FAKE/disk-full" ] || { echo 'write /layer: no space left on device' >&2; exit 1; }
    line=$(grep -F "$last " "$FAKE/registry") || { echo 'manifest unknown' >&2; exit 1; }
    printf '%s\\n' "$line" >>"$FAKE/images"; echo "Pulled $last" ;;
  'tag '*) echo "$last $(id_of "$2")" >>"$FAKE/images" ;;
  *' pull'*) cat "$DOCKER_CONFIG/config.json" >>"$FAKE/composed-logins" 2>/dev/null || true ;;
  *' run '*)
    hang migrate
    env | grep '^RELEASE=' >>"$FAKE/migrations"
    while [ "$1" != app-migration ]; do shift; done
    shift; for word; do printf '%s\\0' "$word"; done >"$FAKE/migration-argv"
    [ ! -e "$FAKE/migration-fails" ] || { echo 'column exists' >&2; exit 1; } ;;
  *' up --wait '*) echo "$RELEASE" >>"$FAKE/brought-up" ;;
  *' up '*)
    hang "up-$RELEASE"
    [ ! -e "$FAKE/up-$RELEASE" ] || { echo 'port is already allocated' >&2; exit 1; }
    [ ! -e "$FAKE/stale" ] || exit 0
    name="${REPOSITORY}:$RELEASE"
    id=$(id_of "$name") || { echo "No such image: $name" >&2; exit 1; }
    [ "$(cat "$FAKE/app" 2>/dev/null)" = "$name $id" ] || { echo "$name $id" >"$FAKE/app"; echo x >>"$FAKE/starts"; } ;;
  *' logs '*) echo 'app says hello' ;;
  'ps --quiet '*)
    hang health
    # A second passes between two looks at the app.
    echo "$(($(cat "$FAKE/uptime") + 1))" >"$FAKE/uptime"
    [ ! -e "$FAKE/app" ] || echo c1 ;;
  'ps '*) [ ! -e "$FAKE/app" ] || echo c1 ;;
  'inspect '*)
    read -r name id <"$FAKE/app"
    restarts=$(cat "$FAKE/restarts-\${name##*:}" 2>/dev/null)
    [ "$(cat "$FAKE/sick" 2>/dev/null)" != "\${name##*:}" ] || echo "$((restarts + 1))" >"$FAKE/restarts-\${name##*:}"
    printf '[{"Id":"c1","Image":"%s","RestartCount":%s,"Config":{"Image":"%s","Labels":{"com.docker.compose.service":' \\
      "$id" "\${restarts:-0}" "$name"
    printf '"app","atlas.release":"%s"}},"State":{"Status":"running","StartedAt":"%s"}}]\\n' \\
      "\${name##*:}" "$(wc -l <"$FAKE/starts")" ;;
  'image inspect --format {{.Id}}'*) id_of "$last" ;;
  'image inspect --format '*) awk -v id="$last" '$2 == id && /@/ { print $1 }' "$FAKE/images" ;;
  'image inspect '*) id_of "$last" >/dev/null ;;
  'image ls '*) awk -v name="$last" 'index($1, name) == 1 { print $2 }' "$FAKE/images" | sort -u ;;
  'image rm '*)
    echo "$last" >>"$FAKE/removed"
    [ ! -e "$FAKE/frees" ] || cp "$FAKE/frees" "$FAKE/free" ;;
esac
`
const FAKE_DF = '#!/bin/sh\necho Avail\ncat "$FAKE/free"\n'

export type Health = { status: number; body?: string }

/** A server on which an app runs at v42, and what there is to deploy. */
export function deployServer() {
  const server = agentServer()
  const { at, put, program, written } = server
  let app: ReturnType<typeof Bun.serve>
  /** How each release answers, by its tag and path. */
  let answers: (release: string, path: string, host: string) => Health
  beforeAll(() => {
    app = Bun.serve({
      hostname: '127.0.0.1',
      port: 0,
      fetch(request) {
        const release = existsSync(at('app')) ? /:(\S+) /.exec(written('app'))![1]! : ''
        const { status, body = 'ok' } = answers(
          release,
          new URL(request.url).pathname,
          request.headers.get('host') ?? '',
        )
        return new Response(body, { status })
      },
    })
  })
  afterAll(async () => {
    await app.stop(true)
  })
  beforeEach(() => {
    program('docker', FAKE_DOCKER)
    program('df', FAKE_DF)
    for (const name of ['calls', 'starts', 'removed', 'migrations']) put(name)
    put('free', '9999999999\n')
    put('uptime', '100\n')
    const releases = ['v41', 'v42', 'v43', 'v44'].map((tag) => `${pinned(tag)} ${idOf(tag)}`)
    put('registry', `${releases.join('\n')}\n`)
    answers = () => ({ status: 200 })
    put('images', `${pinned('v42')} ${idOf('v42')}\n${REPOSITORY}:v42 ${idOf('v42')}\n`)
    put('app', `${REPOSITORY}:v42 ${idOf('v42')}\n`)
    mkdirSync(at('state', 'app'), { recursive: true })
    put('state/app/compose.yaml', COMPOSE)
    put('state/app/app.env', 'GREETING=hello\n')
    put('state/app/release', 'v42')
    put('state/app/digests', `${pinned('v42')}\n`)
  })

  /** What `deploy` takes, for v43 over v42. */
  const order = (change: Record<string, unknown> = {}) => ({
    release: 'v43',
    images: imagesOf('v43'),
    former: { release: 'v42', images: imagesOf('v42') },
    health: { path: '/health', expect_status: 200, port: app.port, timeout_seconds: 8 },
    ...change,
  })
  const answer = (how: typeof answers) => {
    answers = how
  }
  const failure = async (command: string, input: unknown) => {
    const { code, last } = await server.agent(command, input)
    return { exit: code, ...(last.error as Answer['last']['error'] & Failure) }
  }
  const running = () => written('app').trim()

  /** Begins a command, cuts the power where it hangs, and lets the machine come up again; says what was heard. */
  async function cutAt(part: string, command: string, input: unknown) {
    put(`hang-${part}`)
    rmSync(at('session'), { force: true })
    const follower = server.spawn([command], JSON.stringify(input))
    while (!existsSync(at('session')) || written('session').trim() === '') await Bun.sleep(10)
    killSession(written('session').trim())
    const heard = await new Response(follower.stdout).text()
    expect(await follower.exited).toBeGreaterThan(0)
    rmSync(at(`hang-${part}`))
    return heard
  }

  return { ...server, order, answer, failure, running, cutAt }
}

type Failure = { part: string; back: boolean; log: string[] }

export function pinned(tag: string): string {
  return `${REPOSITORY}@${digestOf(tag)}`
}

/** What docker calls an image on the server itself. */
const idOf = (tag: string) => `sha256:image-of-${tag}`

export function digestOf(tag: string): string {
  return `sha256:${new Bun.CryptoHasher('sha256').update(tag).digest('hex')}`
}

export function imagesOf(tag: string) {
  return [{ image: `${REPOSITORY}:${tag}`, digest: digestOf(tag) }]
}

/** Everything that a command has started: the agent runs it in a session of its own. */
function killSession(session: string): void {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const facts = statOf(pid)
    // After the program's name, which may hold blanks: state, parent, group, session.
    if (facts.slice(facts.lastIndexOf(')') + 2).split(' ')[3] === session) kill(Number(pid))
  }
}

function statOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8')
  } catch {
    return ''
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It ended by itself.
  }
}
