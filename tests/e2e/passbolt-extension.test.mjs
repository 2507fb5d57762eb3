// Passbolt's own browser extension against a Roster: its schemas find nothing wrong with our answers, and its services log in
// with OpenPGP.js and manage groups.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { group, membership } from './support/objects.mjs';
import { assertSuccess, groupId, logIn, makePerson, members, passboltWorld, userId } from './support/passbolt.mjs';
import {
    asGroup,
    asGroups,
    asSettings,
    asUpdateDryRun,
    asUser,
    asUsers,
    Extension,
    generateKey,
} from './support/passbolt-schemas.mjs';
import { Roster } from './support/roster.mjs';

/* Ada's key is of RSA, Max's of elliptic curves, both made by the extension; Mia's is GnuPG's, for what is asked by hand. */
const people = {
    ada: { id: userId(1), email: 'ada@example.org', firstName: 'Ada', lastName: 'Lovelace', type: 'rsa' },
    max: { id: userId(2), email: 'max@example.org', firstName: 'Max', lastName: 'Planck', type: 'ecc' },
};
let mia;

const roster = new Roster();

before(async () => {
    for (const person of Object.values(people)) {
        const key = await generateKey(`${person.firstName} ${person.lastName}`, person.email, person.type);
        Object.assign(person, key);
    }
    mia = await makePerson('mia');
    const marie = group(1, 4, 'Crème & "Brûlée" <日本> \u{1F600}', { uuid: groupId(4) });
    await roster.import([...passboltWorld({ ...people, mia }), marie, membership(1, 4, 1, { manager: true })]);
    await roster.serve();
});
after(() => roster.stop());

describe('the schemas of the extension', () => {
    let client;
    before(async () => (client = await logIn(roster, mia)));
    const body = async (path) => assertSuccess(await client.get(path));

    const inGroups = ['groups_users.user.profile', 'groups_users.user.gpgkey'];
    const names = ['modifier', 'modifier.profile', 'users', 'my_group_user', ...inGroups];
    const everything = names.map((name) => `contain[${name}]=1`).join('&');

    for (const query of ['', 'contain[group_user]=1&contain[my_group_user]=1&contain[modifier]=0', everything])
        it(`take groups with ${query || 'nothing more'}`, async () => {
            const groups = await body(`/groups.json?${query}`);
            assert.equal(asGroups(groups).length, 4);
            for (const one of groups) asGroup(await body(`/groups/${one.id}.json?${query}`));
        });

    it('take the users in groups, with their profiles and keys', async () => {
        const groups = await body(`/groups.json?${everything}`);
        const users = groups.flatMap((one) => [...one.users, ...one.groups_users.map(({ user }) => user)]);
        assert.ok(users.length >= 10);
        for (const user of users) asUser(user);
        const max = users.find((user) => user.id === userId(2) && user.gpgkey);
        assert.equal(max.gpgkey.fingerprint, people.max.fingerprint);
    });

    it('take users, each one, and oneself', async () => {
        const users = asUsers(await body('/users.json'));
        assert.ok(users.length >= 4);
        for (const { id } of users.items) asUser(await body(`/users/${id}.json`));
        const me = asUser(await body('/users/me.json'));
        assert.equal(me.id, mia.id);
        assert.ok(me.role.isUser());
        assert.equal(me.profile.firstName, 'Mia');
    });

    it('take the settings', async () => {
        const { serverTimeDiff, ...settings } = await body('/settings.json');
        assert.equal(serverTimeDiff, undefined);
        assert.equal(typeof asSettings(settings).toDto().passbolt.plugins, 'object');
    });

    it('refuse what is no group', () => {
        assert.throws(() => asGroup({ id: groupId(1), name: '' }), /refuses it.*name/);
        assert.throws(() => asGroups([{ name: 'A', groups_users: [{ user_id: 'nobody' }] }]), /refuses it/);
    });
});

describe('an administrator with the extension', () => {
    const ada = () => new Extension(roster.url, people.ada);

    it('logs in, is known, and logs out', async () => {
        const extension = ada();
        const { fingerprint } = await extension.logIn();
        assert.match(fingerprint, /^[0-9A-F]{40}$/);
        const { requests } = extension;
        assert.deepEqual(
            requests.map(({ method, target, status }) => `${method} ${target} ${status}`),
            [
                'GET /auth/verify.json?api-version=v2 200',
                'POST /auth/verify.json?api-version=v2 200',
                'POST /auth/login.json?api-version=v2 200',
                'POST /auth/login.json?api-version=v2 200',
                'GET /users/me.json?api-version=v2 200',
            ],
        );
        assert.equal(typeof (await extension.settings()).passbolt.plugins, 'object');
        await extension.logOut();
        assert.equal(requests.at(-1).target, '/auth/logout.json?api-version=v2');
        assert.equal(requests.at(-1).method, 'POST');
        await assert.rejects(extension.findGroups({}), /Authentication is required to continue/);
    });

    it('finds every group: none is one that the extension leaves out', async () => {
        const extension = ada();
        await extension.logIn();
        const groups = await extension.refreshGroups();
        const strictly = await extension.findGroups({ groups_users: true, my_group_user: true });
        const names = (collection) => collection.items.map(({ name }) => name).sort();
        assert.deepEqual(names(groups), names(strictly));
        assert.ok(names(groups).includes('Crème & "Brûlée" <日本> \u{1F600}'));
    });

    it('finds the groups of one user', async () => {
        const extension = ada();
        await extension.logIn();
        const names = async (filter) => (await extension.findGroups({}, filter)).items.map(({ name }) => name).sort();
        assert.deepEqual(await names({ 'has-users': [userId(3)] }), ['Green', 'Red']);
        assert.deepEqual(await names({ 'has-managers': [userId(2)] }), ['Red']);
        assert.deepEqual(await names({ 'has-users': [userId(2), userId(3)] }), ['Green', 'Red']);
    });

    it('finds the users, with what it asks for and nothing else', async () => {
        const extension = ada();
        await extension.logIn();
        const users = await extension.findUsers({ profile: true, role: true, gpgkey: true, last_logged_in: true });
        const found = users.items.find(({ id }) => id === userId(1));
        assert.ok(found.role.isAdmin());
        assert.equal(found.profile.lastName, 'Lovelace');
        assert.equal(found.gpgkey.fingerprint, people.ada.fingerprint);
    });

    it('creates a group, renames it, changes who is in it, deletes it', async () => {
        const extension = ada();
        await extension.logIn();
        await extension.refreshGroups();
        const by = (n, is_admin = false) => ({ user_id: userId(n), is_admin });
        const created = await extension.createGroup({ name: 'Orange', groups_users: [by(1, true), by(2), by(3)] });
        assert.equal(created.myGroupUser.userId, userId(1));
        assert.equal(created.groupsUsers.length, 3);

        // Renamed, Nils added, Max made a manager, Mia removed: one change for each request.
        const before = extension.requests.length;
        const group = created.toDto({ groups_users: true });
        const kept = group.groups_users.filter(({ user_id }) => user_id !== userId(3));
        for (const one of kept) if (one.user_id === userId(2)) one.is_admin = true;
        await extension.saveGroup({ ...group, name: 'Amber', groups_users: [...kept, by(4)] });
        const sent = extension.requests.slice(before).map(({ method, target, status }) => `${method} ${target} ${status}`);
        const path = `/groups/${created.id}`;
        assert.deepEqual(sent, [
            `PUT ${path}/dry-run.json?api-version=v2 200`,
            ...Array(4).fill(`PUT ${path}.json?api-version=v2 200`),
        ]);

        const client = await logIn(roster, mia);
        assert.deepEqual(await members(client, created.id), { ada: true, max: true, nils: false });
        assert.equal((await extension.getGroup(created.id)).name, 'Amber');

        await extension.deleteGroup(created.id);
        await assert.rejects(extension.getGroup(created.id), /The group does not exist\./);
        assert.ok((await extension.refreshGroups()).items.every(({ name }) => name !== 'Amber'));
    });

    it('is told what is wrong with a group', async () => {
        const extension = ada();
        await extension.logIn();
        await extension.refreshGroups();
        const twice = { name: 'Red', groups_users: [{ user_id: userId(1), is_admin: true }] };
        await assert.rejects(extension.createGroup(twice), (error) => {
            assert.equal(error.message, 'Could not validate group data.');
            assert.equal(error.data.code, 400);
            assert.equal(error.data.body.name.group_unique, 'The name is already used by another group.');
            return true;
        });
    });
});

describe('a group manager with the extension', () => {
    it('adds a member to their group and removes them; the name stays', async () => {
        const extension = new Extension(roster.url, people.max);
        await extension.logIn();
        const red = () => extension.refreshGroups().then((groups) => groups.items.find(({ id }) => id === groupId(1)));
        const asFound = (await red()).toDto({ groups_users: true });
        const more = { user_id: userId(4), is_admin: false };
        await extension.saveGroup({ ...asFound, groups_users: [...asFound.groups_users, more] });

        const client = await logIn(roster, mia);
        assert.deepEqual(await members(client, groupId(1)), { max: true, mia: false, nils: false });
        await red();
        await extension.saveGroup({ ...asFound, name: 'Crimson' });
        assert.deepEqual(await members(client, groupId(1)), { max: true, mia: false });
        assert.equal((await red()).name, 'Red');
    });

    it('needs no secrets for a new member', async () => {
        const extension = new Extension(roster.url, people.max);
        await extension.logIn();
        const change = { groups_users: [{ user_id: userId(4), is_admin: false }], secrets: [] };
        const needed = await extension.simulateUpdate(groupId(1), change);
        assert.deepEqual(asUpdateDryRun(needed).toDto(), { secrets: [], needed_secrets: [] });
    });

    it('may not change a group they do not manage', async () => {
        const extension = new Extension(roster.url, people.max);
        await extension.logIn();
        await assert.rejects(
            extension.simulateUpdate(groupId(2), { name: 'Mine' }),
            /You are not authorized to access that location\./,
        );
    });
});
