/** Programs of the machine that some tests drive. All but Litestream come from Debian. */

export type Tool = {
  command: string
  debianPackages: string[]
  usedFor: string
  find: () => string | null
}

const litestreamFromNpm = `${import.meta.dir}/../node_modules/@flydotio/litestream-linux-x64/litestream`

export const tools = {
  // Chromium brings no font of its own; without one every page is blank boxes.
  chromium: debian('chromium', ['chromium', 'fonts-liberation'], 'the story in a browser'),
  caddy: debian('caddy', ['caddy'], 'the Caddyfile'),
  shellcheck: debian('shellcheck', ['shellcheck'], 'the shell scripts'),
  jq: debian('jq', ['jq'], 'the agent of a tenant’s server'),
  age: debian('age', ['age', 'curl'], 'the agent’s backups'),
  'systemd-analyze': debian('systemd-analyze', ['systemd'], 'the unit files'),
  sshd: debian('/usr/sbin/sshd', ['openssh-server', 'openssh-client'], 'the bench against ssh'),
  dockerd: debian('dockerd', ['docker.io', 'iptables', 'iproute2'], 'real machines'),
  mmdebstrap: debian('mmdebstrap', ['mmdebstrap', 'debian-archive-keyring'], 'real machines'),
  'docker-registry': debian('docker-registry', ['docker-registry'], 'real machines'),
  pebble: debian('pebble', ['pebble'], 'real machines'),
  busybox: debian('busybox', ['busybox-static'], 'real machines'),
  openssl: debian('openssl', ['openssl'], 'real machines'),
  litestream: {
    command: 'litestream',
    debianPackages: [],
    usedFor: 'the running backup',
    find: () => (executable(litestreamFromNpm) ? litestreamFromNpm : Bun.which('litestream')),
  },
} satisfies Record<string, Tool>

export type ToolName = keyof typeof tools

/** The tools that this machine lacks. */
export function missingTools(): Tool[] {
  return Object.values<Tool>(tools).filter((tool) => tool.find() === null)
}

/** What a person can do to get the tool. */
export function remedy(tool: Tool): string {
  return tool.debianPackages.length > 0
    ? `apt-get install ${tool.debianPackages.join(' ')}`
    : 'comes with bun install on Linux x64; elsewhere put it on the PATH'
}

function debian(command: string, debianPackages: string[], usedFor: string): Tool {
  return { command, debianPackages, usedFor, find: () => Bun.which(command) }
}

function executable(path: string): boolean {
  return process.platform === 'linux' && process.arch === 'x64' && Bun.which(path) !== null
}
