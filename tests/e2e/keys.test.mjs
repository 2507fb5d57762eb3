// Users' OpenPGP public keys in the directory file: in, out, changed, refused (docs/directory-file.md, "Public keys").
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { fromLines, organization, toLines, user } from './support/objects.mjs';
import { ROOT, Roster } from './support/roster.mjs';

const key = (name) => fs.readFileSync(path.join(ROOT, `tests/fixtures/openpgp/${name}.asc`), 'utf8');
const ada = (publicKey, more = {}) => user(1, 1, { userName: 'ada', ...more, publicKey });

async function withAda(publicKey) {
    const roster = new Roster();
    await roster.import([organization(1, 'Acme'), ada(publicKey)]);
    return roster;
}

async function keyOf(roster, id) {
    return fromLines(await roster.export()).find((line) => line.type === 'user' && line.id === id)?.publicKey;
}

/* `roster import` of a line that must be refused: what was said about it. */
async function refused(roster, object) {
    const file = roster.file('try.ndjson', toLines([object]));
    const { code, stdout, stderr } = await roster.run(['import', '--store', roster.store, file]);
    assert.equal(code, 1, stdout + stderr);
    const report = stderr.split('\n').find((line) => line.startsWith(`${file}:1: `));
    assert.ok(report, `no line number in ${stderr}`);
    return report.slice(file.length + 4);
}

describe('a good key', () => {
    for (const name of ['user-rsa3072', 'user-ed25519', 'user-nistp384'])
        it(`${name} comes out as it went in, also by way of another database`, async () => {
            const roster = await withAda(key(`${name}.public`));
            assert.equal(await keyOf(roster, 1), key(`${name}.public`));
            const exported = await roster.export(),
                other = new Roster();
            await other.import(exported);
            assert.equal(await other.export(), exported);
            await roster.check();
            await other.check();
        });
    it('is unchanged when it is imported twice', async () => {
        const roster = await withAda(key('user-ed25519.public'));
        assert.match(await roster.import([ada(key('user-ed25519.public'))]), /^users: 0 created, 0 changed, 1 unchanged$/m);
    });
    it('can be exchanged, is kept by a line that does not name it, and goes with null', async () => {
        const roster = await withAda(key('user-ed25519.public'));
        assert.match(await roster.import([ada(key('user-rsa3072.public'))]), /^users: 0 created, 1 changed, 0 unchanged$/m);
        assert.equal(await keyOf(roster, 1), key('user-rsa3072.public'));
        await roster.import([user(1, 1, { userName: 'eve' })]);
        assert.equal(await keyOf(roster, 1), key('user-rsa3072.public'));
        await roster.import([ada(null)]);
        assert.equal(await keyOf(roster, 1), undefined);
        await roster.check();
    });
});

describe('a bad key is named with file and line, and nothing is kept', () => {
    const BAD = {
        'DSA and ElGamal': [key('dsa.public'), /^publicKey: .*DSA/],
        expired: [key('expires.public'), /^publicKey: .*expired/],
        revoked: [key('revoked.public'), /^publicKey: .*revoked/],
        'a secret key': [key('user-ed25519.secret'), /^publicKey: /],
        'two keys': [key('two.public'), /^publicKey: .*more than one key/],
        'no key': ['hello', /^publicKey: .*not an armored OpenPGP block/],
        'half a key': [key('user-rsa3072.public').slice(0, 900), /^publicKey: /],
        empty: ['', /^publicKey is empty/],
        'too long': [key('user-rsa3072.public').padEnd(65536, '\n'), /^publicKey is longer than 65535 bytes/],
        'not a text': [{ armored: key('user-rsa3072.public') }, /^publicKey must be a string/],
    };
    for (const [what, [publicKey, says]] of Object.entries(BAD))
        it(what, async () => {
            const roster = await withAda(key('user-nistp384.public')),
                exported = await roster.export();
            assert.match(await refused(roster, ada(publicKey, { remarks: 'new' })), says);
            assert.match(await refused(roster, user(1, 2, { publicKey })), says);
            assert.equal(await roster.export(), exported);
        });
    it('what is shown of a key comes from the key, never from the file', async () => {
        const roster = await withAda(key('user-nistp384.public'));
        for (const member of ['keyFingerprint', 'keyUserId', 'keyType', 'keyBits', 'keyCreated', 'keyExpires', 'lastLoginAt'])
            assert.match(await refused(roster, user(1, 2, { [member]: 'x' })), new RegExp(member));
    });
});
