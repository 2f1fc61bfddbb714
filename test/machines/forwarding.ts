import { readFileSync, writeFileSync } from 'node:fs'
import { runProgram } from './program'

const IP_FORWARD = '/proc/sys/net/ipv4/ip_forward'
const FAMILIES = ['iptables', 'ip6tables']

/** Remembers how this machine forwards packets; the returned function brings that back after a Docker that ended. */
export async function rememberForwarding(): Promise<() => Promise<void>> {
  const forwards = readFileSync(IP_FORWARD, 'utf8')
  const policies = await Promise.all(FAMILIES.map(policyOf))
  return async () => {
    for (const [index, family] of FAMILIES.entries()) {
      const rules = await runProgram([`${family}-save`])
      await runProgram([`${family}-restore`], { input: withoutDocker(rules, policies[index] ?? 'ACCEPT') })
    }
    writeFileSync(IP_FORWARD, forwards)
  }
}

/** What `iptables-save` says without the chains and rules that Docker leaves, all of which have its name. */
export function withoutDocker(rules: string, forwardPolicy: string): string {
  const others = rules.split('\n').filter((line) => !/\bDOCKER\b/.test(line))
  return `${others.map((line) => line.replace(/^:FORWARD \w+/, `:FORWARD ${forwardPolicy}`)).join('\n')}\n`
}

async function policyOf(family: string): Promise<string> {
  return /^-P FORWARD (\w+)$/m.exec(await runProgram([family, '-S', 'FORWARD']))?.[1] ?? 'ACCEPT'
}
