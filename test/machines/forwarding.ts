import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { runProgram } from './program'

const IP_FORWARD = '/proc/sys/net/ipv4/ip_forward'
const FAMILIES = ['iptables', 'ip6tables']

/** `policies` of the families that there are, for what is forwarded. */
type Forwarding = { forwards: string; policies: Record<string, string> }

/**
 * Remembers in a file how this machine forwards packets; the returned function brings that back after a Docker that
 * ended. What a run that was killed has remembered is still what it was.
 */
export async function rememberForwarding(file: string): Promise<() => Promise<void>> {
  const before = existsSync(file)
    ? (JSON.parse(readFileSync(file, 'utf8')) as Forwarding)
    : await forwardingNow()
  writeFileSync(file, JSON.stringify(before))
  return async () => {
    for (const [family, policy] of Object.entries(before.policies)) {
      const rules = await runProgram([`${family}-save`])
      await runProgram([`${family}-restore`], { input: withoutDocker(rules, policy) })
    }
    writeFileSync(IP_FORWARD, before.forwards)
    rmSync(file)
  }
}

async function forwardingNow(): Promise<Forwarding> {
  const policies: Record<string, string> = {}
  for (const family of FAMILIES) {
    // A kernel without it is Docker's to complain about.
    const rules = await runProgram([family, '-S', 'FORWARD']).catch(() => '')
    const policy = /^-P FORWARD (\w+)$/m.exec(rules)?.[1]
    if (policy) policies[family] = policy
  }
  return { forwards: readFileSync(IP_FORWARD, 'utf8'), policies }
}

/** What `iptables-save` says without the chains and rules that Docker leaves, all of which have its name. */
export function withoutDocker(rules: string, forwardPolicy: string): string {
  const others = rules.split('\n').filter((line) => !/\bDOCKER\b/.test(line))
  return `${others.map((line) => line.replace(/^:FORWARD \w+/, `:FORWARD ${forwardPolicy}`)).join('\n')}\n`
}
