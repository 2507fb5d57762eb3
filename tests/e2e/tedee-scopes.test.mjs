// A token of an identity provider through Tedee's API: whom it names, and what the words of its scope allow. How signatures, keys and dates are
// checked is not asked here: the provider is a key pair of this test.
import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { user } from './support/objects.mjs';
import { Roster } from './support/roster.mjs';
import { assertDone, assertError, assertResult, groupPath, groups, names, ORGANIZATIONS, tedeeWorld, users } from './support/tedee.mjs';

const ISSUER = 'https://login.example.org/',
    AUDIENCE = 'roster';
const OID = 'b1e6c7a0-0d2e-4c57-9a55-7f1f0a1c0001';
const WORDS = { read: 'Organization.Read', write: 'Organization.ReadWrite' };

const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const encode = (value) => Buffer.from(value).toString('base64url');

function token(claims) {
    const now = Math.floor(Date.now() / 1000);
    const head = { alg: 'ES256', typ: 'JWT', kid: 'one' },
        body = { iss: ISSUER, aud: AUDIENCE, iat: now, exp: now + 600, ...claims };
    const text = `${encode(JSON.stringify(head))}.${encode(JSON.stringify(body))}`;
    return `${text}.${encode(sign('sha256', Buffer.from(text), { key: privateKey, dsaEncoding: 'ieee-p1363' }))}`;
}

let roster;
before(async () => {
    roster = new Roster();
    const keys = roster.file('keys.json', JSON.stringify({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'one', alg: 'ES256' }] }));
    await roster.import([
        ...tedeeWorld(),
        user(1, 1, { displayName: 'Ada', superUser: true, externalId: 'ada@provider' }),
        user(1, 6, { displayName: 'Olga', superUser: true, uuid: OID, emailAddress: 'olga@example.org' }),
    ]);
    const settings = { issuer: ISSUER, audience: AUDIENCE, keys, organization: '1' };
    await roster.serve(Object.entries(settings).flatMap(([name, value]) => [`--auth-jwt-${name}`, value]));
});
after(() => roster.stop());

describe('the words of a scope', () => {
    const SCOPES = {
        [WORDS.read]: 'read',
        [WORDS.write]: 'write',
        [`${WORDS.read} ${WORDS.write}`]: 'write',
        [`user_impersonation ${WORDS.read} Device.Read`]: 'read',
        [`https://provider.example.org/api/${WORDS.read}`]: 'read',
        [`openid https://provider.example.org/api/${WORDS.write} profile`]: 'write',
        [`/${WORDS.read}`]: 'read',
        '': 'nothing',
        'user_impersonation': 'nothing',
        'organization.read': 'nothing',
        'Organization.Reader': 'nothing',
        'Organization.Write': 'nothing',
        'MyOrganization.Read': 'nothing',
        'https://provider.example.org/Organization.Read/x': 'nothing',
    };
    for (const [scp, allows] of Object.entries(SCOPES)) {
        it(`"${scp}" allows to ${allows}`, async () => {
            const client = roster.as(token({ oid: OID, scp }));
            const list = await client.get(groups()),
                renamed = await client.patch(groupPath(1), { name: 'Red' });
            if (allows === 'nothing') assertError(list, 'Forbidden');
            else assert.deepEqual(names(list), ['Blue', 'Green', 'Red']);
            if (allows === 'write') assertDone(renamed);
            else assertError(renamed, 'Forbidden');
        });
    }
    it('none at all allows nothing', async () => assertError(await roster.as(token({ oid: OID })).get(groups()), 'Forbidden'));
});

describe('who is named', () => {
    const scp = WORDS.write;
    const FOUND = {
        'oid, the uuid of a user': { oid: OID },
        'oid, the external id of a user': { oid: 'ada@provider' },
        'sub, if oid is nobody': { oid: 'nobody', sub: OID },
        'email, if it is verified': { sub: 'nobody', email: 'Olga@example.org', email_verified: true },
    };
    for (const [what, claims] of Object.entries(FOUND))
        it(what, async () => {
            const client = roster.as(token({ scp, ...claims }));
            assert.equal((await client.get(ORGANIZATIONS)).json.result.organizations.length, 1);
            assert.equal((await client.get(users())).status, 200);
        });
    const NOBODY = {
        'no claim': {},
        'an oid of nobody': { oid: 'nobody' },
        'a number of a user': { oid: '1' },
        'an email that is not verified': { email: 'olga@example.org', email_verified: false },
    };
    for (const [what, claims] of Object.entries(NOBODY))
        it(`nobody: ${what}`, async () => assertError(await roster.as(token({ scp, ...claims })).get(groups()), 'Unauthorized'));
    it('of another organization nothing is seen', async () =>
        assertError(await roster.as(token({ scp, oid: OID })).get(groups(2)), 'No organization'));
    it('a token that was changed is nobody', async () => {
        const [head, , signature] = token({ scp: WORDS.read, oid: OID }).split('.');
        const [, body] = token({ scp: WORDS.write, oid: OID }).split('.');
        assertError(await roster.as(`${head}.${body}.${signature}`).get(groups()), 'Unauthorized');
    });
    it('what it made carries the name of the user', async () => {
        const client = roster.as(token({ scp, oid: OID }));
        const { id } = (await client.post(groups(), { name: 'By token' })).json.result;
        assert.match(await roster.export(), new RegExp(`"${id}".*"createdBy":"Olga"`));
        assertDone(await client.delete(`${groups()}/${id}`));
        assertResult(await client.get(`${groups()}?filters.text=by+token`), []);
    });
});
