// certificate.mjs — a certificate for a server on 127.0.0.1, signed by itself.
import { execFileSync } from 'node:child_process';

/* Writes key and certificate into the directory of `roster`: their paths, and the flags with which the server uses them. */
export function makeCertificate(roster, commonName = 'roster') {
    const key = roster.file('key.pem'),
        cert = roster.file('cert.pem');
    const subject = ['-subj', `/CN=${commonName}`, '-addext', 'subjectAltName=IP:127.0.0.1'];
    const algorithm = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
    const args = ['req', '-x509', ...algorithm, '-keyout', key, '-out', cert, ...subject];
    execFileSync('openssl', args, { stdio: 'pipe' });
    return { key, cert, flags: ['--tls-cert', cert, '--tls-key', key] };
}
