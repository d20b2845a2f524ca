/** Certificates for tests, made by openssl when they are needed: none is kept that could run out. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** PEM texts. The certificate signs itself, so it is also the authority to trust. */
export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

/** A certificate for one DNS name, good for a day. Throws where there is no openssl. */
export function makeCertificate(name: string): Certificate {
  const directory = mkdtempSync(join(tmpdir(), 'homeport-certificate-'));
  const key = join(directory, 'key.pem');
  const cert = join(directory, 'cert.pem');
  const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  try {
    execFileSync(
      'openssl',
      ['req', '-x509', ...curve, '-days', '1', ...subject, '-keyout', key, '-out', cert],
      { stdio: 'pipe' },
    );
    return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
