// roster import and roster export: the directory file (docs/directory-file.md) in and out.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { before, describe, it } from 'node:test';
import { FULL_WORLD, imported, tryImport } from './support/import.mjs';
import {
    account,
    apiKey,
    bearer,
    fromLines,
    group,
    membership,
    nesting,
    organization,
    secret,
    smallWorld,
    user,
} from './support/objects.mjs';
import { ROOT, Roster, sqliteOnly } from './support/roster.mjs';

describe('round trip', () => {
    it('every member of every type comes out as it went in', async () => {
        const roster = await imported(FULL_WORLD);
        assert.deepEqual(fromLines(await roster.export()), FULL_WORLD);
        await roster.check();
    });
    it('an export imported into an empty database exports the same bytes', async () => {
        const exported = await (await imported(smallWorld())).export();
        assert.equal(await (await imported(exported)).export(), exported);
    });
    it('a file, standard input and standard output are the same', async () => {
        const roster = await imported(FULL_WORLD),
            exported = await roster.export();
        await roster.command('export', roster.file('out.ndjson'));
        assert.equal(fs.readFileSync(roster.file('out.ndjson'), 'utf8'), exported);
        const other = new Roster();
        const { code } = await other.run(['import', '--store', other.store, '-'], { input: exported });
        assert.equal(code, 0);
        assert.equal(await other.export(), exported);
    });
    it('an export does not write over a file', async () => {
        const roster = await imported(FULL_WORLD);
        roster.file('precious', 'keep me');
        const { code, stderr } = await roster.run(['export', '--store', roster.store, roster.file('precious')]);
        assert.deepEqual([code, stderr], [1, `roster: ${roster.file('precious')} exists\n`]);
        assert.equal(fs.readFileSync(roster.file('precious'), 'utf8'), 'keep me');
    });
    it('what is not sent is made: uuid, dates', async () => {
        const roster = await imported([
            organization(1, 'A'),
            { type: 'user', organizationId: 1, id: 1 },
            { type: 'group', organizationId: 1, id: 1, name: 'G' },
            membership(1, 1, 1),
        ]);
        for (const line of fromLines(await roster.export())) {
            assert.match(line.uuid, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
            if (line.type !== 'organization') assert.match(line.dateCreated, /^20\d\d-.*Z$/);
        }
    });
    it('secrets go in and only their hashes come out', async () => {
        const exported = await (
            await imported([organization(1, 'A'), bearer(1, secret(77)), apiKey(1, 'kk', 'very secret')])
        ).export();
        assert.doesNotMatch(exported, new RegExp(`${secret(77)}|very secret|"secret"`));
        assert.equal(fromLines(exported).filter((line) => /^[0-9a-f]{64}$/.test(line.secretHash)).length, 2);
    });
    it('lines may end with CR LF, the last one without anything; empty lines are passed over', async () => {
        const text = `${JSON.stringify(organization(1, 'A'))}\r\n\n${JSON.stringify(user(1, 1))}`;
        assert.equal(fromLines(await (await imported(text)).export()).length, 2);
    });
});

describe('the summary counts', () => {
    it('created, then unchanged, then changed and deleted', async () => {
        const roster = new Roster();
        const world = [...FULL_WORLD];
        const first = await roster.import(world);
        for (const line of [
            'organizations: 2 created, 0 changed, 0 unchanged',
            'accounts: 2 created, 0 changed, 0 unchanged',
            'users: 2 created, 0 changed, 0 unchanged',
            'groups: 2 created, 0 changed, 0 unchanged',
            'memberships: 2 created, 0 changed, 0 unchanged',
            'nestings: 1 created, 0 changed, 0 unchanged',
            'credentials: 2 created, 0 changed, 0 unchanged',
        ])
            assert.ok(first.split('\n').includes(line), `${line} is missing in\n${first}`);
        const second = await roster.import(world);
        assert.match(second, /^users: 0 created, 0 changed, 2 unchanged$/m);
        assert.doesNotMatch(second, /[1-9]\d* (created|changed|deleted)/);
        const third = await roster.import([
            { ...world[5], remarks: 'new' },
            { type: 'group', organizationId: 1, id: 2, delete: true },
        ]);
        assert.match(third, /^users: 0 created, 1 changed, 0 unchanged$/m);
        assert.match(third, /^groups: 0 created, 0 changed, 0 unchanged, 1 deleted$/m);
    });
    it('shows no progress and no colours when it is no terminal', async () => {
        const { stderr } = await tryImport(new Roster(), FULL_WORLD);
        assert.equal(stderr, '');
    });
});

describe('importing again', () => {
    let roster, exported;
    before(async () => {
        roster = await imported(FULL_WORLD);
        exported = await roster.export();
    });
    it('the same file changes nothing, not even a version', async () => {
        const versions = () => roster.query('select id, version from organization order by id');
        const before = versions();
        await roster.import(FULL_WORLD);
        assert.equal(await roster.export(), exported);
        assert.equal(versions(), before);
    });
    it('members that are absent keep their values, null clears them; a change without a dateModified gets one', async () => {
        const readUser = async () => fromLines(await roster.export()).find(({ type, id }) => type === 'user' && id === 1);
        const original = FULL_WORLD[4],
            line = { type: 'user', organizationId: 1, id: 1 };

        await roster.import([{ ...line, remarks: 'other' }]);
        const changed = await readUser();
        assert.deepEqual(changed, { ...original, remarks: 'other', dateModified: changed.dateModified });
        assert.ok(Date.parse(changed.dateModified) > Date.parse(original.dateModified));

        await roster.import([
            {
                ...line,
                remarks: null,
                description: null,
                accountId: null,
                autoRemoveAfter: null,
                active: null,
                dateModified: original.dateModified,
            },
        ]);
        const { remarks, description, accountId, autoRemoveAfter, active, ...rest } = original;
        assert.deepEqual(await readUser(), rest);

        await roster.import(FULL_WORLD);
        assert.equal(await roster.export(), exported);
    });
    it('a group may be renamed, and its name given to another one in the same file', async () => {
        await roster.import([
            group(1, 1, 'Doors old', FULL_WORLD[6]),
            { type: 'group', organizationId: 1, id: 1, name: 'Windows' },
            { type: 'group', organizationId: 1, id: 2, name: 'DOORS' },
        ]);
        const names = fromLines(await roster.export())
            .filter(({ type }) => type === 'group')
            .map(({ name }) => name);
        assert.deepEqual(names, ['Windows', 'DOORS']);
        await roster.check();
    });
});

describe('delete lines', () => {
    const gone = (type, more) => ({ type, delete: true, ...more });
    const remaining = async (roster, type) => fromLines(await roster.export()).filter((line) => line.type === type).length;

    it('a membership, a nesting, a group, a user, an account, an organization', async () => {
        const roster = await imported([...FULL_WORLD, user(2, 20), group(2, 20, 'G'), membership(2, 20, 20)]);
        await roster.import([
            gone('nesting', { organizationId: 1, groupId: 1, childGroupId: 2 }),
            gone('membership', { organizationId: 1, groupId: 1, userId: 1 }),
        ]);
        assert.deepEqual([await remaining(roster, 'nesting'), await remaining(roster, 'membership')], [0, 2]);
        await roster.import([gone('group', { organizationId: 1, id: 2 })]);
        assert.deepEqual([await remaining(roster, 'group'), await remaining(roster, 'membership')], [2, 1]);
        await roster.import([gone('user', { organizationId: 1, id: 1 })]);
        assert.equal(await remaining(roster, 'user'), 2);
        await roster.check();
        await roster.import([gone('account', { id: 2 })]);
        assert.equal(await remaining(roster, 'account'), 1);
        await roster.import([gone('organization', { id: 2 })]);
        assert.deepEqual(
            [await remaining(roster, 'organization'), await remaining(roster, 'user'), await remaining(roster, 'group')],
            [1, 1, 1],
        );
        await roster.check();
    });
    it('of a user: its memberships go with it', async () => {
        const roster = await imported(FULL_WORLD);
        await roster.import([gone('user', { organizationId: 1, id: 1 })]);
        assert.equal(await remaining(roster, 'membership'), 0);
        await roster.check();
    });
    const IN_THE_SAME_FILE = {
        user: { organizationId: 1, id: 9 },
        group: { organizationId: 1, id: 9 },
        membership: { organizationId: 1, groupId: 9, userId: 9 },
        nesting: { organizationId: 1, groupId: 9, childGroupId: 10 },
        account: { id: 9 },
    };
    for (const [type, more] of Object.entries(IN_THE_SAME_FILE))
        it(`of a ${type} made in the same file`, async () => {
            const world = [
                organization(1, 'A'),
                account(9),
                user(1, 9),
                group(1, 9, 'G'),
                group(1, 10, 'H'),
                membership(1, 9, 9),
                nesting(1, 9, 10),
            ];
            const before = world.filter((line) => line.type === type).length;
            const roster = await imported([...world, gone(type, more)]);
            assert.equal(await remaining(roster, type), before - 1);
            await roster.check();
        });
    it('of what is not there: nothing to do', async () => {
        const roster = await imported(FULL_WORLD),
            exported = await roster.export();
        await roster.import([
            gone('group', { organizationId: 1, id: 4711 }),
            gone('membership', { organizationId: 1, groupId: 1, userId: 4711 }),
            gone('account', { id: 4711 }),
        ]);
        assert.equal(await roster.export(), exported);
    });
});

describe('--dry-run', () => {
    it('counts and changes nothing', async () => {
        const roster = await imported(FULL_WORLD),
            exported = await roster.export();
        const output = await roster.import([{ ...FULL_WORLD[5], remarks: 'new' }, user(1, 3), FULL_WORLD[6]], '--dry-run');
        assert.match(output, /^users: 1 created, 1 changed, 0 unchanged$/m);
        assert.match(output, /^groups: 0 created, 0 changed, 1 unchanged$/m);
        assert.match(output, /^dry run: nothing was imported$/m);
        assert.equal(await roster.export(), exported);
    });
    it('says so when it has made the database', sqliteOnly('of PostgreSQL a dry run makes no tables'), async () => {
        const roster = new Roster();
        const first = await tryImport(roster, FULL_WORLD, '--dry-run');
        assert.deepEqual([first.code, first.stderr], [0, 'roster: the database had no tables: they were made, and are empty\n']);
        assert.equal(await roster.export(), '');
        const second = await tryImport(roster, FULL_WORLD, '--dry-run');
        assert.deepEqual([second.code, second.stderr, second.stdout], [0, '', first.stdout]);
    });
    it('finds bad lines', async () => {
        const { code, stderr } = await tryImport(new Roster(), [organization(1, 'A'), { type: 'nonsense' }], '--dry-run');
        assert.equal(code, 1);
        assert.match(stderr, /:2: /);
    });
});

const KUBERNETES = path.resolve(ROOT, process.env.ROSTER_KUBERNETES_FILE ?? '../shared/data/kubernetes-org.ndjson');
const skip = fs.existsSync(KUBERNETES) ? false : `there is no ${KUBERNETES} (ROSTER_KUBERNETES_FILE names it)`;

describe('the organizations of the Kubernetes project', { skip }, () => {
    const roster = new Roster();
    it('are imported: 8 organizations, 766 groups, 2,666 users, 3,615 memberships, 56 nestings', async () => {
        const output = await roster.command('import', KUBERNETES);
        for (const line of ['organizations: 8', 'users: 2666', 'groups: 766', 'memberships: 3615', 'nestings: 56'])
            assert.ok(output.split('\n').includes(`${line} created, 0 changed, 0 unchanged`), output);
        assert.match(await roster.check(), /^8 organizations, 2666 users, 766 groups, 3615 memberships checked, 0 findings$/m);
    });
    it('a second time nothing changes', async () => {
        const exported = await roster.export();
        assert.doesNotMatch(await roster.command('import', KUBERNETES), /[1-9]\d* (created|changed|deleted)/);
        assert.equal(await roster.export(), exported);
    });
    it('every line of the file is in the export, and nothing else', async () => {
        const exported = fromLines(await roster.export());
        const file = fromLines(fs.readFileSync(KUBERNETES, 'utf8'));
        const key = ({ type, id, groupId, userId, childGroupId }) => [type, id, groupId, userId, childGroupId].join(' ');
        const byKey = new Map(exported.map((line) => [key(line), line]));
        assert.equal(exported.length, file.length);
        for (const line of file) assert.deepEqual({ ...byKey.get(key(line)), ...line }, byKey.get(key(line)));
    });
    it('the export imported elsewhere exports the same bytes', async () => {
        const exported = await roster.export(),
            other = new Roster();
        await other.import(exported);
        assert.equal(await other.export(), exported);
    });
});
