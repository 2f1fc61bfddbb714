import { join } from 'node:path'
import { runProgram } from '../program'

/** A certificate authority of these tests, and the certificate of the one address outside of the machines. */
export type Authority = { ca: string; certificate: string; key: string }

const CURVE = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']

/** Makes both as files in a folder; what is returned are their paths. */
export async function makeAuthority(folder: string, address: string): Promise<Authority> {
  const file = (name: string) => join(folder, name)
  const [ca, caKey] = [file('ca.crt'), file('ca.key')]
  const [certificate, key] = [file('outside.crt'), file('outside.key')]
  const subject = ['-subj', '/CN=Atlas test authority']
  await runProgram(['openssl', 'req', '-x509', ...CURVE, ...subject, '-keyout', caKey, '-out', ca])
  await runProgram([
    ...['openssl', 'req', '-x509', ...CURVE, '-CA', ca, '-CAkey', caKey, '-subj', '/CN=outside'],
    ...['-addext', `subjectAltName=IP:${address}`, '-addext', 'basicConstraints=critical,CA:false'],
    ...['-keyout', key, '-out', certificate],
  ])
  return { ca, certificate, key }
}
