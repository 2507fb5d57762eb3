// gnupg.mjs — a person's GnuPG: keys and messages made and read by a program that has nothing in common with the server.
//
// Each keyring has a home of its own and so an agent of its own: tests that run at the same time do not meet, and nobody can
// read what was written to somebody else. Homes are gone, and their agents with them, when the process ends.
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

/* Not os.tmpdir(), which may be long: the agent's socket lies in the home, and its path may have 107 bytes only. */
const HOMES = '/tmp/roster-gpg-';

/* GnuPG is a while with a key of RSA on a busy machine. */
const LIMIT_MS = 120_000;

const homes = new Set();

process.on('exit', () => homes.forEach(removeHome));

function removeHome(home) {
    execFileSync('gpgconf', ['--homedir', home, '--kill', 'all'], { stdio: 'ignore' });
    fs.rmSync(home, { recursive: true, force: true });
    homes.delete(home);
}

/* What GnuPG is told of each. The primary key signs, the subkey is encrypted to. */
const ALGORITHMS = {
    ed25519: ['Key-Type: EDDSA', 'Key-Curve: ed25519', 'Subkey-Type: ECDH', 'Subkey-Curve: cv25519'],
    rsa3072: ['Key-Type: RSA', 'Key-Length: 3072', 'Subkey-Type: RSA', 'Subkey-Length: 3072'],
};

export class Keyring {
    constructor() {
        this.home = fs.mkdtempSync(HOMES);
        homes.add(this.home);
    }

    close() {
        if (homes.has(this.home)) removeHome(this.home);
    }

    /* Runs gpg with `input`: { ok, output, errors, status }, `status` being the lines a program is meant to read, in words. */
    #run(args, input = '') {
        const all = ['--homedir', this.home, '--batch', '--no-tty', '--pinentry-mode', 'loopback', '--trust-model', 'always'];
        return new Promise((resolve, reject) => {
            const options = { timeout: LIMIT_MS, maxBuffer: 1 << 24 };
            const child = execFile('gpg', [...all, '--status-fd', '2', ...args], options, (error, output, errors) => {
                if (error && typeof error.code !== 'number') return reject(error);
                const status = [...errors.matchAll(/^\[GNUPG:\] (.*)$/gm)].map(([, line]) => line.split(' '));
                resolve({ ok: !error, output, errors, status });
            });
            child.stdin.on('error', () => {}); // gpg may end before it has read everything
            child.stdin.end(input);
        });
    }

    async #succeed(args, input) {
        const result = await this.#run(args, input);
        assert.ok(result.ok, `gpg ${args.join(' ')}:\n${result.errors}`);
        return result;
    }

    /* Makes a key pair and gives its fingerprint: 40 upper-case hexadecimal digits. */
    async generate(name, { algorithm = 'ed25519', passphrase = '' } = {}) {
        const [, real, email] = /^(.*) <(.*)>$/.exec(name);
        const lines = [
            ...ALGORITHMS[algorithm],
            'Key-Usage: sign',
            'Subkey-Usage: encrypt',
            `Name-Real: ${real}`,
            `Name-Email: ${email}`,
            'Expire-Date: 0',
            passphrase ? `Passphrase: ${passphrase}` : '%no-protection',
            '%commit',
        ];
        const { status } = await this.#succeed(['--generate-key'], `${lines.join('\n')}\n`);
        return status.find(([word]) => word === 'KEY_CREATED')[2];
    }

    async publicKey(fingerprint) {
        return (await this.#succeed(['--armor', '--export', fingerprint])).output;
    }

    /* As it is stored: under its passphrase, if it has one. */
    async secretKey(fingerprint, passphrase = '') {
        return (await this.#succeed(['--passphrase', passphrase, '--armor', '--export-secret-keys', fingerprint])).output;
    }

    /* Takes up somebody's public key and gives its fingerprint. The block must hold one key. */
    async import(armored) {
        const { status } = await this.#succeed(['--import'], armored);
        const imported = new Set(status.filter(([word]) => word === 'IMPORT_OK').map((words) => words[2]));
        assert.equal(imported.size, 1, 'not one key in the block');
        return [...imported][0];
    }

    /* The armored message for `to`, a fingerprint; with `signer` signed. `compression` is what gpg calls it, whatever the recipient
     * prefers. */
    async encrypt(text, { to, signer = null, passphrase = '', compression = null }) {
        const compress = compression ? ['--compress-algo', compression] : [];
        const sign = signer ? ['--passphrase', passphrase, '--sign', '--local-user', `${signer}!`] : [];
        return (await this.#succeed(['--armor', ...compress, ...sign, '--encrypt', '--recipient', to], text)).output;
    }

    /* The text of a message that must be encrypted to a key of this ring, and whole, and whose signature, if it has one, must
     * be good: { text, signer }, the fingerprint of the signer's primary key, or null. */
    async decrypt(armored, { passphrase = '' } = {}) {
        const { output, errors, status } = await this.#succeed(['--passphrase', passphrase, '--decrypt'], armored);
        const words = new Set(status.map(([word]) => word));
        assert.ok(words.has('DECRYPTION_OKAY') && words.has('GOODMDC'), `not a message as it should be:\n${errors}`);
        const good = status.filter(([word]) => word === 'VALIDSIG');
        const seen = status.filter(([word]) => word === 'NEWSIG');
        assert.equal(good.length, seen.length, `not every signature is good:\n${errors}`);
        assert.ok(good.length <= 1, 'more than one signature');
        return { text: output, signer: good.length ? good[0].at(-1) : null };
    }
}
