// Other ways in: a unix socket, TLS, IPv6.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { describe, it } from 'node:test';
import tls from 'node:tls';
import { assertError, GROUPS, ids } from './support/bold.mjs';
import { makeCertificate } from './support/certificate.mjs';
import { smallWorld, TOKEN } from './support/objects.mjs';
import { Roster } from './support/roster.mjs';
import { eventually } from './support/wait.mjs';

async function newRoster() {
    const roster = new Roster();
    await roster.import(smallWorld());
    return roster;
}

describe('unix:PATH', () => {
    it('serves like TCP, and the socket is gone at the end', async () => {
        const roster = await newRoster(),
            path = roster.file('socket');
        await roster.serve([], { listen: `unix:${path}` });
        assert.equal(roster.url, `unix:${path}`);
        assert.deepEqual(ids(await roster.as(TOKEN.service).get(GROUPS)), [1, 2, 3]);
        assert.equal((await roster.as(TOKEN.service).post(GROUPS, { name: 'Through a socket' })).status, 200);
        assertError(await roster.as(null).get(GROUPS), 'Unauthorized');
        await roster.stop();
        assert.match(roster.log, /client=unix/);
        assert.equal(fs.existsSync(path), false);
    });
    it('takes over a socket that a killed server left behind', async () => {
        const roster = await newRoster(),
            path = roster.file('socket');
        await roster.serve([], { listen: `unix:${path}` });
        await roster.kill();
        assert.equal(fs.existsSync(path), true);
        await roster.serve([], { listen: `unix:${path}` });
        assert.deepEqual(ids(await roster.as(TOKEN.service).get(GROUPS)), [1, 2, 3]);
        await roster.stop();
    });
    it('does not take over the socket of a running server, nor a file', async () => {
        const roster = await newRoster(),
            path = roster.file('socket');
        await roster.serve([], { listen: `unix:${path}` });
        assert.equal((await roster.run(['serve', '--store', roster.store, '--listen', `unix:${path}`])).code, 1);
        assert.deepEqual(ids(await roster.as(TOKEN.service).get(GROUPS)), [1, 2, 3]);
        await roster.stop();
        roster.file('precious', 'keep me');
        assert.equal(
            (await roster.run(['serve', '--store', roster.store, '--listen', `unix:${roster.file('precious')}`])).code,
            1,
        );
        assert.equal(fs.readFileSync(roster.file('precious'), 'utf8'), 'keep me');
    });
});

describe('IPv6', () => {
    it('[::1]', async (t) => {
        const roster = await newRoster();
        try {
            await roster.serve([], { listen: '[::1]:0' });
        } catch (error) {
            return t.skip(`no IPv6 here: ${error.message}`);
        }
        assert.match(roster.url, /^http:\/\/\[::1\]:\d+$/);
        assert.deepEqual(ids(await roster.as(TOKEN.service).get(GROUPS)), [1, 2, 3]);
        await roster.stop();
    });
});

describe('TLS', () => {
    const commonName = (roster, ca) =>
        new Promise((resolve, reject) => {
            const socket = tls.connect({ ...roster.endpoint, ca, rejectUnauthorized: false }, () => {
                resolve(socket.getPeerCertificate().subject.CN);
                socket.destroy();
            });
            socket.on('error', reject);
        });

    it('serves over TLS, and the certificate is checked by the client', async () => {
        const roster = await newRoster();
        const { cert, flags } = makeCertificate(roster, 'roster');
        await roster.serve(flags);
        assert.match(roster.url, /^https:\/\/127\.0\.0\.1:\d+$/);
        const client = roster.as(TOKEN.service, { tls: { ca: fs.readFileSync(cert) } });
        assert.deepEqual(ids(await client.get(GROUPS)), [1, 2, 3]);
        assert.equal((await client.post(GROUPS, { name: 'Over TLS' })).status, 200);
        client.close();
        await roster.stop();
    });
    it('plain HTTP is not answered, and TLS 1.1 is refused', async () => {
        const roster = await newRoster();
        const { flags } = makeCertificate(roster, 'roster');
        await roster.serve(flags);
        await assert.rejects(roster.as(TOKEN.service).get(GROUPS));
        const old = await new Promise((resolve) => {
            const socket = tls.connect(
                {
                    ...roster.endpoint,
                    rejectUnauthorized: false,
                    minVersion: 'TLSv1.1',
                    maxVersion: 'TLSv1.1',
                    ciphers: 'DEFAULT:@SECLEVEL=0',
                },
                () => resolve('connected'),
            );
            socket.on('error', () => resolve('refused'));
        });
        assert.equal(old, 'refused');
        await roster.stop();
    });
    it('SIGHUP takes a new certificate; a bad one is not taken', async () => {
        const roster = await newRoster();
        const { cert, flags } = makeCertificate(roster, 'first');
        await roster.serve(flags);
        assert.equal(await commonName(roster), 'first');
        makeCertificate(roster, 'second');
        roster.child.kill('SIGHUP');
        await eventually(async () => assert.equal(await commonName(roster), 'second'));
        fs.writeFileSync(cert, 'no certificate');
        roster.child.kill('SIGHUP');
        await eventually(() => assert.match(roster.log, /not reloaded/));
        assert.equal(await commonName(roster), 'second');
        await roster.stop();
    });
    it('SIGHUP with a bad certificate changes nothing else either', async () => {
        const roster = await newRoster();
        const { cert, key } = makeCertificate(roster, 'roster');
        const good = fs.readFileSync(cert);
        const settings = (more) => roster.file('roster.conf', `tls_cert = ${cert}\ntls_key = ${key}\n${more}`);
        settings('');
        await roster.serve();
        const client = roster.as(TOKEN.service, { tls: { rejectUnauthorized: false } });
        const large = () => client.put(`${GROUPS}/1`, undefined, { body: '{}'.padEnd(2000) });
        const reload = async (expected) => {
            const from = roster.log.length;
            roster.child.kill('SIGHUP');
            await eventually(() => assert.match(roster.log.slice(from), expected));
        };
        settings('body_limit_kib = 1\nlog_format = json\nrequest_log = false\n');
        fs.writeFileSync(cert, 'no certificate');
        await reload(/settings were not reloaded: .*cert\.pem/);
        assert.equal((await large()).status, 200);
        fs.writeFileSync(cert, good);
        await reload(/^\{.*settings reloaded/m);
        assertError(await large(), 'PayloadTooLarge');
        client.close();
        await roster.stop();
    });
    it('a key that does not fit, or is missing, stops the start', async () => {
        const roster = await newRoster(),
            other = await newRoster();
        const { cert } = makeCertificate(roster, 'roster'),
            { key } = makeCertificate(other, 'other');
        for (const flags of [
            ['--tls-cert', cert, '--tls-key', key],
            ['--tls-cert', cert],
        ]) {
            const { code, stderr } = await roster.run(['serve', '--store', roster.store, '--listen', '127.0.0.1:0', ...flags]);
            assert.notEqual(code, 0);
            assert.match(stderr, /\w/);
        }
    });
});
