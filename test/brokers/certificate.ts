import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** A certificate for `localhost` and 127.0.0.1 that signs itself. */
export async function certificate(folder: string): Promise<{ readonly cert: string; readonly key: string }> {
  const cert = join(folder, 'cert.pem');
  const key = join(folder, 'key.pem');
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  const config = join(folder, 'openssl.cnf');
  await writeFile(config, '[req]\ndistinguished_name = dn\n[dn]\n');
  const args = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-config', config, ...subject];
  await promisify(execFile)('openssl', [...args, '-keyout', key, '-out', cert]);
  return { cert, key };
}
