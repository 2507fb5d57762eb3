// roster import of directory files with something wrong: what is said, and that nothing is kept.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FULL_WORLD, UUID, imported, tryImport } from './support/import.mjs';
import { account, bearer, fromLines, group, membership, nesting, organization, secret, toLines, user } from './support/objects.mjs';
import { Roster } from './support/roster.mjs';

describe('bad lines', () => {
    const good = [organization(1, 'A'), user(1, 1), group(1, 1, 'Red'), membership(1, 1, 1)];
    const BAD = {
        'no JSON': ['{"type":', null],
        'an array': ['[]', null],
        'no type': ['{"id":9}', /type/],
        'an unknown type': ['{"type":"door","id":9}', /type/],
        'an unknown member': ['{"type":"account","id":9,"colour":"red"}', /colour/],
        'a member twice': ['{"type":"account","id":9,"id":10}', null],
        'a required member missing': ['{"type":"group","organizationId":1,"id":9}', /name/],
        'no organization': ['{"type":"group","id":9,"name":"x"}', /organizationId/],
        'an organization that is not there': [group(9, 9, 'x'), /organizationId/],
        'an id that is a string': ['{"type":"account","id":"9"}', /id/],
        'an id that is 0': ['{"type":"account","id":0}', /id/],
        'an id that is negative': ['{"type":"account","id":-1}', /id/],
        'an id beyond 2^53-1': ['{"type":"account","id":9007199254740992}', /id/],
        'an id that is null': ['{"type":"account","id":null}', /id/],
        'an id of 1.5': ['{"type":"account","id":1.5}', /id/],
        'a uuid that is none': [account(9, { uuid: 'x' }), /uuid/],
        'a date that is none': [user(1, 9, { dateCreated: 'yesterday' }), /dateCreated/],
        'a date without an offset': [user(1, 9, { dateCreated: '2026-03-10T09:32:07' }), /dateCreated/],
        'a date that does not exist': [user(1, 9, { dateCreated: '2026-02-29T09:32:07Z' }), /dateCreated/],
        'a phone number that is none': [user(1, 9, { phoneNumber: '0850607337' }), /phoneNumber/],
        'a flag that is a string': [user(1, 9, { superUser: 'true' }), /superUser/],
        'a word that is none': [user(1, 9, { autoRemoveAfter: 'DAY' }), /autoRemoveAfter/],
        'an account that is not there': [user(1, 9, { accountId: 4711 }), /accountId/],
        'a blank name': [group(1, 9, '  '), /name/],
        'a name too long': [group(1, 9, 'x'.repeat(256)), /name/],
        'a name that is taken': [group(1, 9, 'RED'), /name/],
        'a user that is not there': [membership(1, 1, 4711), /userId/],
        'a group that is not there': [membership(1, 4711, 1), /groupId/],
        'an end before its start': [
            membership(1, 1, 1, { startsAt: '2026-01-02T00:00:00Z', endsAt: '2026-01-01T00:00:00Z' }),
            /endsAt/,
        ],
        'a group in itself': [nesting(1, 1, 1), null],
        'a child that is not there': [nesting(1, 1, 4711), /childGroupId/],
        'a credential without a secret': ['{"type":"credential","organizationId":1,"kind":"bearer","rights":["read"]}', /secret/],
        'a credential of an unknown kind': [
            '{"type":"credential","organizationId":1,"kind":"magic","secret":"x","rights":["read"]}',
            /kind/,
        ],
        'a credential with an unknown right': [bearer(1, secret(9), { rights: ['fly'] }), /rights/],
        'an api-key without its keyId': [
            '{"type":"credential","organizationId":1,"kind":"api-key","secret":"x","rights":["read"]}',
            /keyId/,
        ],
        'a secretHash that is none': [
            '{"type":"credential","organizationId":1,"kind":"bearer","secretHash":"xyz","rights":["read"]}',
            /secretHash/,
        ],
        'delete that is no boolean': ['{"type":"account","id":9,"delete":"yes"}', /delete/],
        'bad UTF-8': [Buffer.from([0x22, 0xff, 0x22]), null],
        'a line of 2 MB': [JSON.stringify(account(9, { firstName: 'x'.repeat(2_000_000) })), null],
        'a cycle of groups': [
            [group(1, 2, 'Green'), nesting(1, 1, 2), nesting(1, 2, 1)].map((object) => JSON.stringify(object)).join('\n'),
            null,
        ],
    };
    const line = (bad) => (Buffer.isBuffer(bad) ? bad : Buffer.from(typeof bad === 'string' ? bad : JSON.stringify(bad)));
    const text = (bad) =>
        Buffer.concat([Buffer.from(toLines(good)), line(bad), Buffer.from('\n'), Buffer.from(toLines([user(1, 2)]))]);
    const wrongLine = (bad) => good.length + line(bad).toString().split('\n').length;

    for (const [what, [bad, member]] of Object.entries(BAD))
        it(`${what}: named with file and line, and nothing is kept`, async () => {
            const roster = new Roster();
            const { code, stdout, stderr } = await tryImport(roster, text(bad));
            assert.equal(code, 1, stdout + stderr);
            const report = stderr.split('\n').find((line) => line.startsWith(`${roster.file('try.ndjson')}:${wrongLine(bad)}: `));
            assert.ok(report, `no line number in ${stderr}`);
            if (member) assert.match(report.slice(report.indexOf(': ') + 2), member);
            assert.equal(await roster.export(), '');
        });
    it('nothing is kept of what was there before either: it stays as it was', async () => {
        const roster = await imported(FULL_WORLD),
            exported = await roster.export();
        const { code } = await tryImport(roster, [{ ...FULL_WORLD[5], remarks: 'new' }, { type: 'nonsense' }]);
        assert.equal(code, 1);
        assert.equal(await roster.export(), exported);
    });
    it('--keep-going imports the good lines, reports every bad one, ends with 1', async () => {
        const roster = new Roster();
        const { code, stdout, stderr } = await tryImport(
            roster,
            [...good, { type: 'nonsense' }, user(1, 2), group(1, 3, 'red'), user(1, 3)],
            '--keep-going',
        );
        assert.equal(code, 1);
        assert.match(stderr, /:5: .*\n[^]*:7: /);
        assert.match(stdout, /^users: 3 created, 0 changed, 0 unchanged$/m);
        assert.deepEqual(
            fromLines(await roster.export())
                .filter(({ type }) => type === 'user')
                .map(({ id }) => id),
            [1, 2, 3],
        );
        await roster.check();
    });
    it('names that have become the same in the file cannot become unique in it', async () => {
        const lines = [
            organization(1, 'Free', { uniqueGroupNames: false }),
            group(1, 1, 'A'),
            group(1, 2, 'a'),
            organization(1, 'Strict', { uniqueGroupNames: true }),
        ];
        for (const options of [[], ['--keep-going']]) {
            const roster = new Roster();
            const { code, stderr } = await tryImport(roster, lines, ...options);
            assert.equal(code, 1);
            assert.match(stderr, /:4: uniqueGroupNames: groups 1 and 2 have the same name$/m);
            assert.equal(fromLines(await roster.export()).length, options.length ? 3 : 0);
            await roster.check();
        }
    });
    it('what cannot change: an id of another organization, a uuid', async () => {
        const roster = await imported(FULL_WORLD),
            exported = await roster.export();
        for (const line of [
            { type: 'user', organizationId: 2, id: 1 },
            { type: 'group', organizationId: 2, id: 1, name: 'Moved' },
            { type: 'group', organizationId: 1, id: 1, name: 'Doors', uuid: UUID(99) },
        ])
            assert.equal((await tryImport(roster, [line])).code, 1, JSON.stringify(line));
        assert.equal(await roster.export(), exported);
    });
});
