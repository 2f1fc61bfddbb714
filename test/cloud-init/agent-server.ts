import { afterAll, beforeAll, beforeEach, expect, setDefaultTimeout } from 'bun:test'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export const AGENT = join(import.meta.dir, '../../cloud-init/agent.sh')

export const COMPOSE = `services:\n  app:\n    image: "a:\${RELEASE}" # é\n`

// Stands in for docker: notes how it was called and with which settings, and obeys the files beside it. A service runs
// while running-<service> is there, a volume is a folder of volumes/, and a container's commands run right here.
const FAKE_DOCKER = `#!/bin/sh
printf '%s\\n' "$*" >>"$FAKE/calls"
for last; do :; done
case "$*" in
  *' pull')
    env -0 >"$FAKE/environment"
    echo "pulling \\"$RELEASE\\""
    [ ! -e "$FAKE/slow" ] || sleep 0.4
    [ ! -e "$FAKE/denied" ] || { echo 'manifest unknown' >&2; exit 1; }
    [ ! -e "$FAKE/offline" ] || { echo 'connection reset' >&2; exit 1; } ;;
  *' logs '*) echo 'app says hello' ;;
  *' --wait --no-deps '*)
    cat "$DOCKER_CONFIG/config.json" >>"$FAKE/logins" 2>/dev/null
    touch "$FAKE/running-$last" ;;
  *compose.yaml' stop') rm -f "$FAKE"/running-* ;;
  *compose.yaml' stop '*) rm -f "$FAKE/running-$last" ;;
  'ps --all '*) [ ! -e "$FAKE/container" ] || echo c1 ;;
  'ps '*) [ ! -e "$FAKE/running-\${last##*=}" ] || echo "c-\${last##*=}" ;;
  'inspect c1') cat "$FAKE/container" ;;
  'image inspect '*) echo 'ghcr.io/acme/app@sha256:feed' ;;
  'volume ls '*) [ ! -e "$FAKE/volumes/\${last##*=}" ] || echo "app_\${last##*=}" ;;
  'volume inspect '*) echo "$FAKE/volumes/\${last#app_}" ;;
  'volume create '*) mkdir -p "$FAKE/volumes/\${last#app_}" ;;
  'exec '*) shift 5; exec "$@" ;;
esac
`
const FAKE_SYSTEMCTL = `#!/bin/sh
printf '%s\\n' "$*" >>"$FAKE/systemctl"
[ "$1" != is-system-running ] || cat "$FAKE/system" || exit 1
[ ! -e "$FAKE/no-systemd" ]
`

const FAKE_SYNC = '#!/bin/sh\n[ ! -f "$1" ] || echo "$1 $(wc -c <"$1")" >>"$FAKE/synced"\n'

type Line = {
  log?: string
  result?: Record<string, unknown>
  error?: { code: string; message: string }
}
export type Answer = { code: number; text: string; logs: string[]; last: Line }

/** A folder that stands for a tenant's server, another one for each test, and the agent on it. */
export function agentServer() {
  // Dozens of small programs a command: slow where other tests take the processors.
  setDefaultTimeout(60_000)
  let root: string
  let machine: string
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'atlas-agent-'))
  })
  afterAll(() => rmSync(root, { recursive: true, force: true }))
  beforeEach(() => {
    machine = mkdtempSync(join(root, 'machine-'))
    for (const folder of ['bin', 'ssh', 'volumes']) mkdirSync(join(machine, folder))
    program('docker', FAKE_DOCKER)
    program('systemctl', FAKE_SYSTEMCTL)
    put('system', 'running\n')
    // A real one waits for a disk that other tests keep busy.
    program('sync', FAKE_SYNC)
  })

  const at = (...path: string[]) => join(machine, ...path)
  const written = (...path: string[]) => readFileSync(at(...path), 'utf8')
  const put = (name: string, text = '') => writeFileSync(at(name), text)
  const calls = (part: string) => written('calls').split(part).length - 1

  function program(name: string, text: string) {
    writeFileSync(at('bin', name), text)
    chmodSync(at('bin', name), 0o755)
  }

  function spawn(args: string[], input: string) {
    // A test that changes the agent has put a copy there.
    return Bun.spawn(['sh', existsSync(at('agent')) ? at('agent') : AGENT, ...args], {
      stdin: new Blob([input]),
      stdout: 'pipe',
      stderr: 'pipe',
      env: {
        PATH: `${at('bin')}:${process.env.PATH}`,
        FAKE: machine,
        ATLAS_STATE_DIR: at('state'),
        ATLAS_SSH_DIR: at('ssh'),
        ATLAS_BOOT_LOG: at('boot.log'),
        ATLAS_HOLDING_DIR: at('holding'),
        ATLAS_HEALTH_PAUSE: '0.01',
        ATLAS_SYSTEMD_PAUSE: '0.01',
        ATLAS_UPTIME: at('uptime'),
        TMPDIR: machine,
      },
    })
  }

  /** Calls the agent as SSH's forced command does: the command in one argument, JSON on standard input. */
  async function agent(command: string, input: unknown = {}): Promise<Answer> {
    const child = spawn([command], typeof input === 'string' ? input : JSON.stringify(input))
    const [text, code] = await Promise.all([new Response(child.stdout).text(), child.exited])
    const lines = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Line)
    const last = lines.pop()!
    return { code, text, logs: lines.map((line) => line.log!), last }
  }

  const result = async (command: string, input?: unknown) => {
    const { code, last } = await agent(command, input)
    expect({ code, error: last.error }).toEqual({ code: 0, error: undefined })
    return last.result!
  }
  const errorCode = async (command: string, input?: unknown) => {
    const { code, last } = await agent(command, input)
    expect(code).toBe(1)
    return last.error!.code
  }
  const settle = () => result('settings settings-1', { compose: COMPOSE, env: { GREETING: 'hello' } })

  function container(state: Record<string, unknown>) {
    const facts = { Image: 'sha256:beef', State: state, Config: { Labels: { 'atlas.release': 'v42' } } }
    put('container', JSON.stringify([facts]))
  }

  return { at, written, put, calls, program, spawn, agent, result, errorCode, settle, container }
}
